#include "proxy/rules/actions/log_actions.h"

#include <fmt/format.h>

#include <cstring>

#include "proxy/base/log.h"
#include "proxy/base/wall_clock.h"

namespace breakwater {
namespace {

void AppendTime(fmt::memory_buffer& line, const WallTime& time) {
  fmt::format_to(std::back_inserter(line), "[{}.{:09d}] ", time.seconds, time.nanoseconds);
}

// dnsdist's record, numbers in the order of the machine but for ID and port, which are as on the
// wire: [seconds, 64 bits; nanoseconds, 32 bits;] ID; name, wire form; type; address family;
// address; port.
void AppendBinary(fmt::memory_buffer& record, const Query& query) {
  const auto put = [&](const auto& value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    record.append(bytes, bytes + sizeof(value));
  };
  const auto put_all = [&](std::span<const uint8_t> bytes) {
    const auto* begin = reinterpret_cast<const char*>(bytes.data());
    record.append(begin, begin + bytes.size());
  };
  put(htons(query.client_id));
  put_all(query.name());
  put(static_cast<uint16_t>(query.question.type));
  put(static_cast<uint16_t>(query.client.family()));
  put_all(query.client.Raw());
  put(htons(query.client.port()));
}

// Where the records go.
class LogSink {
 public:
  explicit LogSink(const LogActionOptions& options)
      : level_(options.verbose_only ? LogLevel::kDebug : LogLevel::kInfo), file_(options.file) {}
  bool Wanted() const { return file_ != nullptr || LogEnabled(level_); }
  void Record(const fmt::memory_buffer& record, MonoTime now) const {
    file_->Write({record.data(), record.size()}, now);
  }
  void Line(fmt::memory_buffer& line, MonoTime now) const {
    if (file_ == nullptr) {
      LogWrite(level_, "rules", {line.data(), line.size()});
      return;
    }
    line.push_back('\n');
    Record(line, now);
  }
  std::string ToString() const { return file_ ? "log to " + file_->path() : "log"; }
  std::map<std::string, double> Stats() const {
    if (!file_) return {};
    return {{"write-errors", static_cast<double>(file_->write_errors())}};
  }
  TextResult<void> Reload() const { return file_ ? file_->OpenAnew() : TextResult<void>(); }

 private:
  LogLevel level_;
  std::shared_ptr<LogFile> file_;
};

class LogAction : public Action {
 public:
  explicit LogAction(const LogActionOptions& options)
      : binary_(options.binary && options.file != nullptr),
        include_timestamp_(options.include_timestamp),
        sink_(options) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    if (!sink_.Wanted()) return Flow::kContinue;
    fmt::memory_buffer record;
    if (binary_) {
      if (include_timestamp_) {
        const WallTime time = WallAt(query.arrived);
        const auto nanoseconds = static_cast<uint32_t>(time.nanoseconds);
        record.append(std::string_view(reinterpret_cast<const char*>(&time.seconds), 8));
        record.append(std::string_view(reinterpret_cast<const char*>(&nanoseconds), 4));
      }
      AppendBinary(record, query);
      sink_.Record(record, context.now);
      return Flow::kContinue;
    }
    if (include_timestamp_) AppendTime(record, WallAt(query.arrived));
    fmt::format_to(std::back_inserter(record), "Packet from {} for {} {} with id {}",
                   query.client.ToStringWithPort(), query.NameCopy().ToString(),
                   dns::TypeName(query.question.type), query.client_id);
    sink_.Line(record, context.now);
    return Flow::kContinue;
  }
  std::optional<Flow> Foresee(Query&, RuleContext&) const override { return Flow::kContinue; }
  std::string ToString() const override { return sink_.ToString(); }
  std::map<std::string, double> Stats() const override { return sink_.Stats(); }
  TextResult<void> Reload() const override { return sink_.Reload(); }

 private:
  bool binary_;
  bool include_timestamp_;
  LogSink sink_;
};

class LogResponseAction : public ResponseAction {
 public:
  explicit LogResponseAction(const LogActionOptions& options)
      : include_timestamp_(options.include_timestamp), sink_(options) {}
  Flow Apply(Query& query, RuleContext& context) const override {
    if (!sink_.Wanted()) return Flow::kContinue;
    fmt::memory_buffer line;
    if (include_timestamp_) AppendTime(line, WallAt(query.arrived));
    fmt::format_to(std::back_inserter(line), "Answer to {} for {} {} ({}) with id {}",
                   query.client.ToStringWithPort(), query.NameCopy().ToString(),
                   dns::TypeName(query.question.type), dns::RCodeName(query.header().rcode()),
                   query.client_id);
    sink_.Line(line, context.now);
    return Flow::kContinue;
  }
  std::string ToString() const override { return sink_.ToString(); }
  TextResult<void> Reload() const override { return sink_.Reload(); }

 private:
  bool include_timestamp_;
  LogSink sink_;
};

}  // namespace

ActionPtr MakeLogAction(const LogActionOptions& options) {
  return std::make_shared<LogAction>(options);
}

ResponseActionPtr MakeLogResponseAction(const LogActionOptions& options) {
  return std::make_shared<LogResponseAction>(options);
}

}  // namespace breakwater
