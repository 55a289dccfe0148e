#include "proxy/rules/actions/svc_actions.h"

#include <absl/container/inlined_vector.h>
#include <fmt/format.h>

#include <algorithm>

#include "proxy/rules/actions/answer_actions.h"

namespace breakwater {
namespace {

// RFC 9460, 14.3.2.
enum SvcKey : uint16_t {
  kMandatory = 0,
  kAlpn = 1,
  kNoDefaultAlpn = 2,
  kPort = 3,
  kIpv4Hint = 4,
  kEch = 5,
  kIpv6Hint = 6,
};

using Parameters = std::map<uint16_t, std::string>;

void Put16(std::string& out, size_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

TextResult<std::string> AlpnValue(const std::vector<std::string>& alpns) {
  std::string value;
  for (const std::string& alpn : alpns) {
    if (alpn.empty() || alpn.size() > 255) {
      return Fail(fmt::format("an ALPN of {} octets: it takes 1 to 255", alpn.size()));
    }
    value.push_back(static_cast<char>(alpn.size()));
    value += alpn;
  }
  return value;
}

TextResult<std::string> HintValue(const std::vector<Address>& hints, sa_family_t family) {
  std::string value;
  for (const Address& hint : hints) {
    if (hint.family() != family) {
      return Fail(fmt::format("the hint {} is of the other address family", hint.ToString()));
    }
    const auto raw = hint.Raw();
    value.append(raw.begin(), raw.end());
  }
  return value;
}

// Adds `value` unless it failed or is empty; false where it failed, with the reason in `error`.
bool Add(Parameters& parameters, SvcKey key, const TextResult<std::string>& value,
         std::string& error) {
  if (!value) {
    error = value.error();
    return false;
  }
  if (!value->empty()) parameters[key] = *value;
  return true;
}

TextResult<Parameters> Collect(const SvcRecord& record) {
  Parameters parameters;
  std::string error;
  if (!Add(parameters, kAlpn, AlpnValue(record.alpns), error) ||
      !Add(parameters, kIpv4Hint, HintValue(record.ipv4_hints, AF_INET), error) ||
      !Add(parameters, kIpv6Hint, HintValue(record.ipv6_hints, AF_INET6), error) ||
      !Add(parameters, kEch, record.ech, error)) {
    return Fail(error);
  }
  if (record.no_default_alpn) parameters[kNoDefaultAlpn] = "";
  if (record.port) Put16(parameters[kPort], *record.port);
  for (const auto& [key, value] : record.additional) {
    if (key <= kIpv6Hint) return Fail(fmt::format("key{} has a parameter of its own", key));
    parameters[key] = value;
  }
  for (const uint16_t key : record.mandatory) {
    // RFC 9460, 8: never itself, and only keys that are there.
    if (key == kMandatory || !parameters.contains(key)) {
      return Fail(fmt::format("key{} is mandatory but not among the parameters", key));
    }
    Put16(parameters[kMandatory], key);
  }
  return parameters;
}

struct SvcHint {
  dns::Name owner;  // the root: the question's name
  Address address;
  bool operator==(const SvcHint&) const = default;
};
// Records as they go into an answer.
struct SvcAnswer {
  std::vector<std::string> rdata;
  std::vector<SvcHint> hints;
};

TextResult<SvcAnswer> Encode(const std::vector<SvcRecord>& records) {
  SvcAnswer answer;
  for (const SvcRecord& record : records) {
    auto rdata = EncodeSvcRecord(record);
    if (!rdata) return Fail(rdata.error());
    answer.rdata.push_back(std::move(*rdata));
    for (const auto* list : {&record.ipv4_hints, &record.ipv6_hints}) {
      for (const Address& address : *list) {
        const SvcHint hint{record.target, address};
        auto& hints = answer.hints;
        if (std::find(hints.begin(), hints.end(), hint) == hints.end()) hints.push_back(hint);
      }
    }
  }
  return answer;
}

bool Give(Query& query, RuleContext& context, const SvcAnswer& answer,
          const SpoofOptions& options) {
  absl::InlinedVector<AnswerRecord, 16> records;
  AnswerRecord record;
  record.cls = query.question.cls;
  record.ttl = options.ttl;
  record.type = query.question.type;
  for (const std::string& bytes : answer.rdata) {
    record.rdata = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
    records.push_back(record);
  }
  record.section = dns::Section::kAdditional;
  for (const SvcHint& hint : answer.hints) {
    record.type = hint.address.IsV6() ? dns::Type::kAaaa : dns::Type::kA;
    record.owner = hint.owner.IsRoot() ? std::span<const uint8_t>{} : hint.owner.wire();
    record.rdata = hint.address.Raw();
    records.push_back(record);
  }
  AnswerShape shape;
  shape.flags = options.flags;
  return MakeAnswer(query, SelfAnswersOf(context), shape, {records.data(), records.size()});
}

class SpoofSvcAction : public Action {
 public:
  SpoofSvcAction(SvcAnswer answer, const SpoofOptions& options)
      : answer_(std::move(answer)), options_(options) {}

  Flow Apply(Query& query, RuleContext& context) const override {
    return Give(query, context, answer_, options_) ? Flow::kAnswer : Flow::kContinue;
  }
  std::string ToString() const override { return "spoof SVC record "; }

 private:
  SvcAnswer answer_;
  SpoofOptions options_;
};

}  // namespace

TextResult<std::string> EncodeSvcRecord(const SvcRecord& record) {
  const auto parameters = Collect(record);
  if (!parameters) return Fail(parameters.error());
  if (record.priority == 0 && !parameters->empty()) {
    return Fail(std::string("a record of priority 0 (alias) takes no parameters"));
  }
  std::string rdata;
  Put16(rdata, record.priority);
  rdata.append(record.target.wire().begin(), record.target.wire().end());
  for (const auto& [key, value] : *parameters) {
    if (value.size() > UINT16_MAX) return Fail(fmt::format("the value of key{} is too long", key));
    Put16(rdata, key);
    Put16(rdata, value.size());
    rdata += value;
  }
  return rdata;
}

TextResult<ActionPtr> MakeSpoofSvcAction(const std::vector<SvcRecord>& records,
                                         SpoofOptions options) {
  auto answer = Encode(records);
  if (!answer) return Fail(std::move(answer.error()));
  return std::make_shared<SpoofSvcAction>(std::move(*answer), options);
}

TextResult<bool> AnswerSvc(Query& query, RuleContext& context,
                           const std::vector<SvcRecord>& records, const SpoofOptions& options) {
  const auto answer = Encode(records);
  if (!answer) return Fail(answer.error());
  return Give(query, context, *answer, options);
}

}  // namespace breakwater
