// Actions that answer without records of their own, or with a SOA.
#pragma once

#include <string>

#include "proxy/dns/name.h"
#include "proxy/query/self_answer.h"
#include "proxy/rules/action.h"

namespace breakwater {

// How self-made answers are written, from what the rules are given.
inline SelfAnswerContext SelfAnswersOf(const RuleContext& context) {
  return {context.packets, context.edns_on_self_answers, context.self_answer_udp_size};
}

ActionPtr MakeRCodeAction(uint8_t rcode, AnswerFlags flags = {});     // the header's four bits
ActionPtr MakeERCodeAction(uint16_t ercode, AnswerFlags flags = {});  // the upper ones in the OPT
// An empty answer with TC over datagrams; on streams the rules go on.
ActionPtr MakeTcAction();

struct NegativeAndSoa {
  bool name_error = false;  // NXDOMAIN, else no data
  dns::Name zone;
  uint32_t ttl = 0;
  dns::Name mname;
  dns::Name rname;
  uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
  bool soa_in_authority = false;  // else in the additional section
  AnswerFlags flags;
};
// At once, as the action does it. False where it does not fit, and nothing is changed.
bool AnswerNegative(Query& query, const RuleContext& context, const NegativeAndSoa& answer);
ActionPtr MakeNegativeAndSoaAction(const NegativeAndSoa& answer);

// `packet` becomes the answer; at least a header, else an error.
TextResult<ActionPtr> MakeSpoofPacketAction(std::string packet);

}  // namespace breakwater
