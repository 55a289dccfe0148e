#include "proxy/control/soa_prober.h"

#include <utility>

#include "proxy/dns/header.h"
#include "proxy/dns/question.h"

namespace breakwater {

ProbeAnswer JudgeProbeReply(std::span<const uint8_t> reply, const dns::Name& name,
                            uint8_t apex_labels) {
  if (reply.size() < dns::kHeaderSize) return {.bad = BadKind::kMalformed};
  const dns::Header header = dns::ConstHeader(reply.data());
  const bool left_out = header.count(dns::Section::kQuestion) == 0;
  const size_t records = left_out ? dns::kHeaderSize : dns::kHeaderSize + name.length() + 4;
  if (!header.Has(dns::kFlagQr) || reply.size() < records) return {.bad = BadKind::kMalformed};
  const AnswerFacts facts = FactsOfAnswer(reply, records, name.wire());
  const Judgement judgement = JudgeAnswer(facts, {.apex_labels = apex_labels});
  ProbeAnswer answer{.nxdomain = header.rcode() == dns::RCode::kNxDomain};
  if (judgement.cls == AnswerClass::kBad) answer.bad = judgement.kind;
  return answer;
}

size_t SoaProber::Ask(const dns::Name& name, std::span<const BackendPtr> backends, Done done) {
  const HealthCheckQuestion question{
      .name = name, .type = dns::Type::kSoa, .cls = dns::Class::kIn, .flags = 0};
  for (const BackendPtr& backend : backends) {
    const uint64_t number = next_++;
    auto check = std::make_unique<HealthCheck>(
        loop_, backend,
        [this, number](HealthVerdict verdict, MonoTime) { OnEnd(number, verdict); });
    HealthCheck& begun = *check;
    open_.emplace(number, Open{.check = std::move(check), .name = name, .done = done});
    begun.Send(MakeHealthQuery(question, random_.U16()));
  }
  return backends.size();
}

// A health check takes less for an answer than we do: whatever rcode there is tells us something.
void SoaProber::OnEnd(uint64_t number, HealthVerdict verdict) {
  const Open ended = std::move(open_.extract(number).mapped());
  ProbeAnswer answer;
  switch (verdict) {
    case HealthVerdict::kGood:
    case HealthVerdict::kInvalid:
    case HealthVerdict::kParsing:  // a REFUSED without its question, say
      answer = JudgeProbeReply(ended.check->reply(), ended.name, zones_.ApexOf(ended.name.wire()));
      break;
    case HealthVerdict::kMismatch:
    case HealthVerdict::kRefused:
      answer.bad = BadKind::kMalformed;
      break;
    case HealthVerdict::kTimeout:
    case HealthVerdict::kNetwork:
      answer.bad = BadKind::kTimeout;
      break;
    case HealthVerdict::kNoZones:
    case HealthVerdict::kShortage:
    case HealthVerdict::kScriptLate:
      answer.counts = false;
      break;
  }
  ended.done(answer);
}

}  // namespace breakwater
