#include "lua/lua_rules_outcome.h"

#include <charconv>

#include "lua/dns_actions.h"
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/flow_actions.h"
#include "proxy/rules/actions/set_actions.h"
#include "proxy/rules/actions/spoof_actions.h"
#include "proxy/rules/response_actions/flow_response_actions.h"

namespace breakwater::lua {
namespace {

uint32_t ToMs(const std::string& text) {
  uint32_t ms = 0;
  std::from_chars(text.data(), text.data() + text.size(), ms);
  return ms;
}

std::vector<std::string> Parts(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  size_t end = 0;
  while (true) {
    const size_t begin = text.find_first_not_of(separators, end);
    if (begin == std::string_view::npos) return parts;
    end = std::min(text.find_first_of(separators, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
  }
}

// An address or a name for a CNAME; of several, with blanks or commas between, those that are
// addresses.
Flow SpoofText(Query& query, RuleContext& context, const std::string& text) {
  const std::vector<std::string> parts = Parts(text, " \t,");
  std::vector<Address> addresses;
  for (const std::string& part : parts) {
    if (const auto address = Address::Parse(part)) addresses.push_back(*address);
  }
  if (!addresses.empty()) return MakeSpoofAction(std::move(addresses))->Apply(query, context);
  if (parts.size() != 1) return Flow::kContinue;
  const auto name = dns::Name::Parse(text);
  return name ? MakeSpoofCnameAction(*name)->Apply(query, context) : Flow::kContinue;
}

// The data of a record; with commas between, of several.
Flow SpoofRawText(Query& query, RuleContext& context, const std::string& text) {
  std::vector<std::string> records = Parts(text, ",");
  if (records.empty()) return Flow::kContinue;
  return MakeSpoofRawAction(std::move(records))->Apply(query, context);
}

Flow ApplyCode(Query& query, RuleContext& context, const LuaOutcome& outcome) {
  switch (static_cast<LuaAction>(outcome.code)) {
    case LuaAction::kDrop:
      return Flow::kDrop;
    case LuaAction::kNxdomain:
      return MakeRCodeAction(3)->Apply(query, context);
    case LuaAction::kRefused:
      return MakeRCodeAction(5)->Apply(query, context);
    case LuaAction::kServFail:
      return MakeRCodeAction(2)->Apply(query, context);
    case LuaAction::kSpoof:
      return SpoofText(query, context, outcome.text);
    case LuaAction::kSpoofRaw:
      return SpoofRawText(query, context, outcome.text);
    case LuaAction::kSpoofPacket: {
      const auto action = MakeSpoofPacketAction(outcome.text);
      return action ? (*action)->Apply(query, context) : Flow::kContinue;
    }
    case LuaAction::kAllow:
    case LuaAction::kHeaderModify:
      return Flow::kStop;
    case LuaAction::kPool:
      return MakePoolAction(outcome.text)->Apply(query, context);
    case LuaAction::kDelay:
      return MakeDelayAction(ToMs(outcome.text))->Apply(query, context);
    case LuaAction::kTruncate:
      return MakeTcAction()->Apply(query, context);
    case LuaAction::kNoRecurse:
      MakeSetNoRecurseAction()->Apply(query, context);
      return Flow::kStop;
    case LuaAction::kNone:
    case LuaAction::kNoOp:
    case LuaAction::kSetTag:
      return Flow::kContinue;
  }
  return Flow::kContinue;
}

// dq:spoof() and dq.dh:setQR(true) answer where the function's action would have rules go on; one
// that answers by itself still does, rcodes in the answer as it stands.
Flow ApplyToTurned(Query& query, RuleContext& context, const LuaOutcome& outcome) {
  switch (static_cast<LuaAction>(outcome.code)) {
    case LuaAction::kDrop:
      return Flow::kDrop;
    case LuaAction::kNxdomain:
      query.header().set_rcode(dns::RCode::kNxDomain);
      break;
    case LuaAction::kRefused:
      query.header().set_rcode(dns::RCode::kRefused);
      break;
    case LuaAction::kServFail:
      query.header().set_rcode(dns::RCode::kServFail);
      break;
    case LuaAction::kSpoof:
    case LuaAction::kSpoofRaw:
    case LuaAction::kSpoofPacket:
      if (ApplyCode(query, context, outcome) == Flow::kAnswer) return Flow::kAnswer;
      break;
    default:
      break;
  }
  if (!query.self_answered) FinishTurnedAnswer(query, SelfAnswersOf(context));
  return Flow::kAnswer;
}

}  // namespace

LuaOutcome Fallback(CallEnd end, LuaOnExceed on_exceed) {
  LuaAction action = LuaAction::kServFail;
  if (end == CallEnd::kNothing) action = LuaAction::kNone;
  if (end == CallEnd::kStopped && on_exceed == LuaOnExceed::kContinue) action = LuaAction::kNone;
  if (end == CallEnd::kStopped && on_exceed == LuaOnExceed::kDrop) action = LuaAction::kDrop;
  return {static_cast<int>(action), {}};
}

LuaOutcome ResponseFallback(CallEnd end, LuaOnExceed on_exceed) {
  using Action = LuaResponseAction;
  Action action = Action::kServFail;
  if (end == CallEnd::kNothing) action = Action::kNone;
  if (end == CallEnd::kStopped && on_exceed == LuaOnExceed::kContinue) action = Action::kNone;
  if (end == CallEnd::kStopped && on_exceed == LuaOnExceed::kDrop) action = Action::kDrop;
  return {static_cast<int>(action), {}};
}

Flow ApplyOutcome(Query& query, RuleContext& context, const LuaOutcome& outcome) {
  if (query.suspended != 0) return Flow::kSuspended;
  return query.header().Has(dns::kFlagQr) ? ApplyToTurned(query, context, outcome)
                                          : ApplyCode(query, context, outcome);
}

Flow ApplyResponseOutcome(Query& query, RuleContext& context, const LuaOutcome& outcome) {
  if (query.suspended != 0) return Flow::kSuspended;
  switch (static_cast<LuaResponseAction>(outcome.code)) {
    case LuaResponseAction::kAllow:
    case LuaResponseAction::kHeaderModify:
      return Flow::kStop;
    case LuaResponseAction::kDrop:
      return Flow::kDrop;
    case LuaResponseAction::kDelay:
      return MakeDelayResponseAction(ToMs(outcome.text))->Apply(query, context);
    case LuaResponseAction::kServFail:
      query.header().set_rcode(dns::RCode::kServFail);
      return Flow::kStop;
    case LuaResponseAction::kTruncate:
      return MakeTcResponseAction()->Apply(query, context);
    case LuaResponseAction::kNone:
      return Flow::kContinue;
  }
  return Flow::kContinue;
}

}  // namespace breakwater::lua
