#include "lua/rule_objects.h"

#include <fmt/format.h>

#include "lua/bindings.h"
#include "proxy/rules/selectors/client_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"

namespace breakwater::lua {
namespace {

// Networks win over names, which are then left out.
TextResult<SelectorPtr> FromTexts(Call& call, const std::vector<std::string>& texts) {
  NetmaskGroup networks;
  SuffixMatchTree names;
  for (const std::string& text : texts) {
    if (networks.Add(text)) continue;
    const auto name = dns::Name::Parse(text);
    if (!name) return Fail(name.error());
    names.Add(*name);
  }
  if (networks.empty()) return MakeQNameSuffixSelector(std::move(names));
  if (!names.empty()) call.Warn("networks and names in one rule: the names are ignored");
  return MakeNetmaskSelector(std::move(networks));
}

TextResult<SelectorPtr> FromNames(Call& call, int index) {
  auto read = Reader<NamesArg>::Read(call, index);
  if (!read) return Fail(std::move(read.error()));
  SuffixMatchTree names;
  for (const dns::Name& name : read->names) names.Add(name);
  return MakeQNameSuffixSelector(std::move(names));
}

bool HoldsTexts(lua_State* state, int index) {
  if (lua_type(state, index) == LUA_TSTRING) return true;
  if (!IsTable(state, index)) return false;
  lua_rawgeti(state, index, 1);
  const bool text = lua_type(state, -1) == LUA_TSTRING;
  lua_pop(state, 1);
  return text;
}

// --- classes

uint64_t GetMatches(const Selector& selector) {
  return selector.matches().Get();
}
std::string SelectorText(const Selector& selector) {
  return selector.ToString();
}

constexpr FunctionRow kSelectorMethods[] = {
    {"getMatches", Bind<&GetMatches>, "DNSRule:getMatches() -> int",
     "How many messages it matched, in all rules that use it.", Scope::kAnywhere},
    {"toString", Bind<&SelectorText>, "DNSRule:toString() -> string", "What it matches, as text.",
     Scope::kAnywhere},
};
const ClassRow kSelectorClass = {
    "DNSRule", kSelectorMethods,
    {},        [](const void* object) { return static_cast<const Selector*>(object)->ToString(); },
    nullptr,   nullptr,
    nullptr,   "Says which messages a rule is for."};

Pushed GetStats(Call& call, const Action& action) {
  lua_newtable(call.state());
  for (const auto& [name, value] : action.Stats()) {
    Push(call.state(), value);
    lua_setfield(call.state(), -2, name.c_str());
  }
  return {1};
}
// One counter a line, by name.
void PrintStats(Call& call, const Action& action) {
  std::string text;
  for (const auto& [name, value] : action.Stats()) text += fmt::format("{}\t{}\n", name, value);
  call.Print(text);
}
template <typename T>
TextResult<void> Reload(const T& action) {
  return action.Reload();
}
constexpr FunctionRow kActionMethods[] = {
    {"getStats", Bind<&GetStats>, "DNSAction:getStats() -> table", "Counters of its own, by name."},
    {"printStats", Bind<&PrintStats>, "DNSAction:printStats()", "Prints its counters, one a line."},
    {"reload", Bind<&Reload<Action>>, "DNSAction:reload()",
     "Opens the file of a LogAction anew by its name, as SIGHUP does for all."},
};
constexpr FunctionRow kResponseActionMethods[] = {
    {"reload", Bind<&Reload<ResponseAction>>, "DNSResponseAction:reload()",
     "Opens the file of a LogResponseAction anew by its name, as SIGHUP does for all."},
};
const ClassRow kActionClass = {
    "DNSAction", kActionMethods,
    {},          [](const void* object) { return static_cast<const Action*>(object)->ToString(); },
    nullptr,     nullptr,
    nullptr,     "What a rule does with a query."};
const ClassRow kResponseActionClass = {
    "DNSResponseAction",
    kResponseActionMethods,
    {},
    [](const void* object) { return static_cast<const ResponseAction*>(object)->ToString(); },
    nullptr,
    nullptr,
    nullptr,
    "What a rule does with an answer."};

template <typename RuleT>
SelectorPtr GetSelector(const RuleT& rule) {
  return rule.selector;
}
template <typename RuleT>
auto GetAction(const RuleT& rule) {
  return rule.action;
}
template <typename RuleT>
std::string RuleText(const void* object) {
  const auto* rule = static_cast<const RuleT*>(object);
  return rule->selector->ToString() + " -> " + rule->action->ToString();
}

constexpr FunctionRow kRuleMethods[] = {
    {"getAction", Bind<&GetAction<Rule>>, "DNSDistRuleAction:getAction() -> DNSAction",
     "Its action."},
    {"getSelector", Bind<&GetSelector<Rule>>, "DNSDistRuleAction:getSelector() -> DNSRule",
     "Its selector."},
};
const ClassRow kRuleClass = {
    "DNSDistRuleAction",        kRuleMethods, {}, RuleText<Rule>, nullptr, nullptr, nullptr,
    "A selector and an action."};
constexpr FunctionRow kResponseRuleMethods[] = {
    {"getAction", Bind<&GetAction<ResponseRule>>,
     "DNSDistResponseRuleAction:getAction() -> DNSResponseAction", "Its action."},
    {"getSelector", Bind<&GetSelector<ResponseRule>>,
     "DNSDistResponseRuleAction:getSelector() -> DNSRule", "Its selector."},
};
const ClassRow kResponseRuleClass = {"DNSDistResponseRuleAction",
                                     kResponseRuleMethods,
                                     {},
                                     RuleText<ResponseRule>,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     "A selector and a response action."};

}  // namespace

bool Reader<SelectorArg>::Accepts(lua_State* state, int index) {
  return BoxAt(state, index, LuaClass<Selector>::kName) != nullptr ||
         Reader<NamesArg>::Accepts(state, index);
}

TextResult<SelectorArg> Reader<SelectorArg>::Read(Call& call, int index) {
  lua_State* const state = call.state();
  if (BoxAt(state, index, LuaClass<Selector>::kName) != nullptr) {
    return SelectorArg{*ReadObject<Selector>(call, index)};
  }
  if (!Accepts(state, index)) return Fail(TypeError(call, index, kExpected));
  TextResult<SelectorPtr> made = Fail(std::string());
  if (HoldsTexts(state, index)) {
    const auto texts = Reader<StringOrList>::Read(call, index);
    if (!texts) return Fail(texts.error());
    made = FromTexts(call, texts->items);
  } else {
    made = FromNames(call, index);
  }
  if (!made) return Fail(std::move(made.error()));
  return SelectorArg{std::move(*made)};
}

const ClassRow& SelectorClass() {
  return kSelectorClass;
}
const ClassRow& ActionClass() {
  return kActionClass;
}
const ClassRow& ResponseActionClass() {
  return kResponseActionClass;
}
const ClassRow& RuleClass() {
  return kRuleClass;
}
const ClassRow& ResponseRuleClass() {
  return kResponseRuleClass;
}

}  // namespace breakwater::lua
