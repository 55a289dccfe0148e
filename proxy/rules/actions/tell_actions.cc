#include "proxy/rules/actions/tell_actions.h"

#include <cstring>
#include <memory>
#include <utility>

namespace breakwater {
namespace {

// A query and its answer are known by the same number, whoever of them is told first.
void NameQuery(Query& query, Random& random) {
  auto& id = query.Extras().message_id;
  if (id) return;
  const uint64_t halves[] = {random.U64(), random.U64()};
  static_assert(sizeof(halves) == sizeof(MessageId));
  std::memcpy(id.emplace().data(), halves, sizeof(halves));
  (*id)[6] = static_cast<uint8_t>(((*id)[6] & 0x0f) | 0x40);  // RFC 9562: version 4,
  (*id)[8] = static_cast<uint8_t>(((*id)[8] & 0x3f) | 0x80);  // variant 2
}

Address Hidden(const Address& client, const ProtobufTelling& telling) {
  if (const auto* key = std::get_if<IpCipherKey>(&telling.client_cipher)) {
    return EncryptAddress(client, *key);
  }
  if (const auto* key = std::get_if<IpPrefixKey>(&telling.client_cipher)) {
    return EncryptKeepingPrefixes(client, *key);
  }
  return client;
}

ProtobufMessage MakeMessage(Query& query, const RuleContext& context,
                            const ProtobufTelling& telling) {
  NameQuery(query, context.random);
  ProtobufMessage message = ProtobufOf(query);
  message.server_identity = telling.server_identity;
  message.requestor = Hidden(message.requestor, telling);
  telling.tags.AddTo(query, &message);
  for (const ProtobufMeta& meta : telling.metas) meta.AddTo(query, &message);
  return message;
}

std::map<std::string, double> StatsOf(const Collector& collector) {
  const Collector::Counts counts = collector.counts();
  return {{"sent", static_cast<double>(counts.sent)},
          {"dropped", static_cast<double>(counts.dropped)},
          {"connect-failures", static_cast<double>(counts.connect_failures)}};
}

class TellAtEnd final : public AtQueryEnd {
 public:
  TellAtEnd(CollectorPtr collector, std::string bytes)
      : collector_(std::move(collector)), bytes_(std::move(bytes)) {}
  void Run() override { collector_->Tell(bytes_); }

 private:
  CollectorPtr collector_;
  std::string bytes_;
};

class RemoteLogAction final : public Action {
 public:
  explicit RemoteLogAction(ProtobufTelling telling) : telling_(std::move(telling)) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    ProtobufMessage message = MakeMessage(query, context, telling_);
    if (!telling_.alter || telling_.alter(query, context, message)) {
      telling_.collector->Tell(EncodeProtobuf(message));
    }
    return Flow::kContinue;
  }
  std::optional<Flow> Foresee(Query&, RuleContext&) const override { return Flow::kContinue; }
  std::string ToString() const override {
    return "remote log to " + telling_.collector->ToString();
  }
  std::map<std::string, double> Stats() const override { return StatsOf(*telling_.collector); }

 private:
  ProtobufTelling telling_;
};

class RemoteLogResponseAction final : public ResponseAction {
 public:
  explicit RemoteLogResponseAction(ProtobufTelling telling) : telling_(std::move(telling)) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    ProtobufMessage message = MakeMessage(query, context, telling_);
    AddRecords(query, telling_.records, &message);
    if (!telling_.extended_error_key.empty()) {
      AddExtendedErrorMeta(query, telling_.extended_error_key, &message);
    }
    if (telling_.alter && !telling_.alter(query, context, message)) return Flow::kContinue;
    std::string bytes = EncodeProtobuf(message);
    if (telling_.when == TellWhen::kAtOnce) {
      telling_.collector->Tell(bytes);
    } else {
      query.Extras().end_tasks.Add(
          std::make_unique<TellAtEnd>(telling_.collector, std::move(bytes)));
    }
    return Flow::kContinue;
  }
  std::string ToString() const override {
    return "remote log response to " + telling_.collector->ToString();
  }

 private:
  ProtobufTelling telling_;
};

void TellDnstap(const DnstapTelling& telling, Query& query, RuleContext& context) {
  DnstapMessage message = DnstapOf(query);
  message.identity = telling.identity;
  if (telling.alter && !telling.alter(query, context, message)) return;
  telling.collector->Tell(EncodeDnstap(message));
}

class DnstapLogAction final : public Action {
 public:
  explicit DnstapLogAction(DnstapTelling telling) : telling_(std::move(telling)) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    TellDnstap(telling_, query, context);
    return Flow::kContinue;
  }
  std::optional<Flow> Foresee(Query&, RuleContext&) const override { return Flow::kContinue; }
  std::string ToString() const override {
    return "remote log as dnstap to " + telling_.collector->ToString();
  }
  std::map<std::string, double> Stats() const override { return StatsOf(*telling_.collector); }

 private:
  DnstapTelling telling_;
};

class DnstapLogResponseAction final : public ResponseAction {
 public:
  explicit DnstapLogResponseAction(DnstapTelling telling) : telling_(std::move(telling)) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    TellDnstap(telling_, query, context);
    return Flow::kContinue;
  }
  std::string ToString() const override {
    return "log response as dnstap to " + telling_.collector->ToString();
  }

 private:
  DnstapTelling telling_;
};

}  // namespace

ActionPtr MakeRemoteLogAction(ProtobufTelling telling) {
  return std::make_shared<RemoteLogAction>(std::move(telling));
}
ResponseActionPtr MakeRemoteLogResponseAction(ProtobufTelling telling) {
  return std::make_shared<RemoteLogResponseAction>(std::move(telling));
}
ActionPtr MakeDnstapLogAction(DnstapTelling telling) {
  return std::make_shared<DnstapLogAction>(std::move(telling));
}
ResponseActionPtr MakeDnstapLogResponseAction(DnstapTelling telling) {
  return std::make_shared<DnstapLogResponseAction>(std::move(telling));
}

}  // namespace breakwater
