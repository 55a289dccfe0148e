#include "proxy/rules/actions/edns_actions.h"

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/query/self_answer.h"
#include "proxy/rules/actions/simple_action.h"

namespace breakwater {
namespace {

constexpr size_t kOptAndOptionHeader = 11 + 4;

std::string OptionText(uint16_t code) {
  return fmt::format("add EDNS Option (code={})", code);
}

}  // namespace

bool SetEdnsOption(Query& query, PacketPool& packets, uint16_t code, std::string_view data) {
  const size_t extra = kOptAndOptionHeader + data.size();
  if (query.size + extra > MaxSelfAnswerSize(query)) return false;
  query.Reserve(packets, extra);
  const size_t question_end = query.records_start();
  const bool had_opt = dns::FindEdns(query.message(), question_end).value_or(dns::Edns{}).present;
  dns::EditBuffer buffer = query.edit();
  const std::span bytes(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  if (!dns::SetOption(buffer, question_end, static_cast<dns::OptionCode>(code), bytes)) {
    return false;
  }
  query.Take(buffer);
  if (query.is_response) return true;
  query.edns = dns::FindEdns(query.message(), question_end).value_or(dns::Edns{});
  if (!had_opt) query.edns_added = true;
  return true;
}

ActionPtr MakeSetEdnsOptionAction(uint16_t code, std::string data) {
  return MakeSimpleAction(OptionText(code),
                          [code, data = std::move(data)](Query& query, RuleContext& context) {
                            SetEdnsOption(query, context.packets, code, data);
                            return Flow::kContinue;
                          });
}

ActionPtr MakeSetMacAddrAction(uint16_t code) {
  return MakeSimpleAction(
      fmt::format("add EDNS MAC (code={})", code), [code](Query& query, RuleContext& context) {
        const auto mac =
            context.neighbours == nullptr ? std::nullopt : context.neighbours->Find(query.client);
        if (mac) SetEdnsOption(query, context.packets, code, AsText(*mac));
        return Flow::kContinue;
      });
}

ResponseActionPtr MakeSetEdnsOptionResponseAction(uint16_t code, std::string data) {
  return MakeSimpleResponseAction(
      OptionText(code), [code, data = std::move(data)](Query& query, RuleContext& context) {
        SetEdnsOption(query, context.packets, code, data);
        return Flow::kContinue;
      });
}

ActionPtr MakeSetEcsAction(const Netmask& v4, const std::optional<Netmask>& v6) {
  std::string text = "set ECS to " + v4.ToString();
  if (v6) text += " / " + v6->ToString();
  return MakeSimpleAction(std::move(text), [v4, v6](Query& query, RuleContext&) {
    query.Extras().ecs_v4 = v4;
    query.Extras().ecs_v6 = v6.value_or(v4);
    return Flow::kContinue;
  });
}

ActionPtr MakeSetEcsOverrideAction(EcsOverride what) {
  const bool replace = what == EcsOverride::kReplace;
  return MakeSimpleAction(fmt::format("set ECS override to {:d}", replace),
                          [replace](Query& query, RuleContext&) {
                            query.ecs_override = replace;
                            query.ecs_override_set = true;
                            return Flow::kContinue;
                          });
}

ActionPtr MakeSetEcsPrefixLengthAction(uint8_t v4, uint8_t v6) {
  return MakeSimpleAction(fmt::format("set ECS prefix length to {}/{}", v4, v6),
                          [v4, v6](Query& query, RuleContext&) {
                            query.ecs_prefix_v4 = v4;
                            query.ecs_prefix_v6 = v6;
                            query.ecs_prefix_set = true;
                            return Flow::kContinue;
                          });
}

ActionPtr MakeSetDisableEcsAction() {
  return MakeSimpleAction("disable ECS", [](Query& query, RuleContext&) {
    query.use_ecs = false;
    return Flow::kContinue;
  });
}

}  // namespace breakwater
