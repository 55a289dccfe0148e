#include "proxy/rules/spoof.h"

#include <absl/container/inlined_vector.h>

#include <utility>

namespace breakwater {
namespace {

using Records = absl::InlinedVector<AnswerRecord, 16>;

void Shuffle(Records& records, Random& random) {
  for (size_t left = records.size(); left > 1; --left) {
    std::swap(records[left - 1], records[random.Below(static_cast<uint32_t>(left))]);
  }
}

bool Answer(Query& query, RuleContext& context, Records& records, const SpoofOptions& options) {
  if (records.empty()) return false;
  for (AnswerRecord& record : records) {
    record.cls = query.question.cls;
    record.ttl = options.ttl;
  }
  Shuffle(records, context.random);
  AnswerShape shape;
  shape.flags = options.flags;
  const SelfAnswerContext self{context.packets, context.edns_on_self_answers,
                               context.self_answer_udp_size};
  return MakeAnswer(query, self, shape, {records.data(), records.size()});
}

}  // namespace

bool SpoofAddresses(Query& query, RuleContext& context, std::span<const Address> addresses,
                    const SpoofOptions& options) {
  const dns::Type asked = query.question.type;
  Records records;
  for (const Address& address : addresses) {
    AnswerRecord record;
    record.type = address.IsV6() ? dns::Type::kAaaa : dns::Type::kA;
    if (asked != record.type && asked != dns::Type::kAny) continue;
    record.rdata = address.Raw();
    records.push_back(record);
  }
  return Answer(query, context, records, options);
}

bool SpoofCname(Query& query, RuleContext& context, const dns::Name& target,
                const SpoofOptions& options) {
  Records records(1);
  records[0].type = dns::Type::kCname;
  records[0].rdata = target.wire();
  return Answer(query, context, records, options);
}

bool SpoofRaw(Query& query, RuleContext& context, std::span<const std::string> rdata,
              const SpoofOptions& options) {
  dns::Type type = query.question.type;
  if (type == dns::Type::kAny) type = options.type_for_any.value_or(type);
  Records records;
  for (const std::string& bytes : rdata) {
    AnswerRecord record;
    record.type = type;
    record.rdata = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
    records.push_back(record);
  }
  return Answer(query, context, records, options);
}

}  // namespace breakwater
