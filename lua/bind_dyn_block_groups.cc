// dynBlockRulesGroup() and its methods.
#include <fmt/format.h>

#include "lua/dyn_block_args.h"
#include "lua/dyn_block_rules.h"
#include "lua/object_args.h"
#include "lua/script_bindings.h"

namespace breakwater::lua {
namespace {

std::shared_ptr<DynBlockRules> NewGroup() {
  return std::make_shared<DynBlockRules>();
}

// What the last parameters of every rule say.
struct Consequence {
  const std::string& reason;
  uint32_t block_s = 0;
  std::optional<int> action;
  std::optional<double> warning;
};

TextResult<void> Complete(Call& call, DynBlockRule& rule, const Consequence& what,
                          Options& options) {
  if (rule.limit < 0 || what.warning.value_or(0) < 0) {
    return Fail(std::string("a rate or ratio must not be negative"));
  }
  rule.reason = what.reason;
  rule.block_s = what.block_s;
  rule.action = ReadDynBlockAction(call, what.action);
  rule.warning_limit = what.warning.value_or(0);
  auto tag = ReadDynBlockTag(options, rule.action);
  if (!tag) return Fail(std::move(tag.error()));
  rule.tag_name = std::move(tag->name);
  rule.tag_value = std::move(tag->value);
  return {};
}

TextResult<void> Set(Call& call, DynBlockRules& rules, DynBlockRule rule, const Consequence& what,
                     Options& options) {
  if (auto good = Complete(call, rule, what, options); !good) return good;
  rules.group.Set(std::move(rule));
  return {};
}

using Action = std::optional<int>;
using Warning = std::optional<double>;
using M = DynBlockMeasure;

template <M kMeasure>
TextResult<void> SetRate(Call& call, DynBlockRules& rules, double rate, uint32_t seconds,
                         const std::string& reason, uint32_t block_s, Action action,
                         Warning warning, Options options) {
  DynBlockRule rule;
  rule.measure = kMeasure;
  rule.limit = rate;
  rule.seconds = seconds;
  return Set(call, rules, std::move(rule), {reason, block_s, action, warning}, options);
}

template <M kMeasure>
TextResult<void> SetCodeRate(Call& call, DynBlockRules& rules, uint16_t code, double rate,
                             uint32_t seconds, const std::string& reason, uint32_t block_s,
                             Action action, Warning warning, Options options) {
  DynBlockRule rule;
  rule.measure = kMeasure;
  rule.code = code;
  rule.limit = rate;
  rule.seconds = seconds;
  return Set(call, rules, std::move(rule), {reason, block_s, action, warning}, options);
}

DynBlockRule RatioRule(M measure, double ratio, uint32_t seconds, uint64_t minimum) {
  DynBlockRule rule;
  rule.measure = measure;
  rule.limit = ratio;
  rule.seconds = seconds;
  rule.minimum = minimum;
  return rule;
}

TextResult<void> SetRCodeRatio(Call& call, DynBlockRules& rules, uint16_t rcode, double ratio,
                               uint32_t seconds, const std::string& reason, uint32_t block_s,
                               uint64_t minimum, Action action, Warning warning, Options options) {
  DynBlockRule rule = RatioRule(M::kRCodeRatio, ratio, seconds, minimum);
  rule.code = rcode;
  return Set(call, rules, std::move(rule), {reason, block_s, action, warning}, options);
}

TextResult<void> SetAllowedRCodes(Call& call, DynBlockRules& rules,
                                  const std::vector<uint16_t>& rcodes, double ratio,
                                  uint32_t seconds, const std::string& reason, uint32_t block_s,
                                  uint64_t minimum, Action action, Warning warning,
                                  Options options) {
  DynBlockRule rule = RatioRule(M::kAllowedRCodes, ratio, seconds, minimum);
  rule.allowed_rcodes = rcodes;
  return Set(call, rules, std::move(rule), {reason, block_s, action, warning}, options);
}

TextResult<void> SetCacheMissRatio(Call& call, DynBlockRules& rules, double ratio, uint32_t seconds,
                                   const std::string& reason, uint32_t block_s, uint64_t minimum,
                                   double minimum_hit_ratio, Action action, Warning warning,
                                   Options options) {
  DynBlockRule rule = RatioRule(M::kCacheMissRatio, ratio, seconds, minimum);
  rule.minimum_hit_ratio = minimum_hit_ratio;
  return Set(call, rules, std::move(rule), {reason, block_s, action, warning}, options);
}

template <VisitorKind kKind>
TextResult<void> SetSuffixRule(Call& call, DynBlockRules& rules, uint32_t seconds,
                               const std::string& reason, uint32_t block_s, Action action,
                               const LuaFunction& visitor, Options options) {
  DynBlockRule rule;
  rule.seconds = seconds;
  if (auto good = Complete(call, rule, {reason, block_s, action, {}}, options); !good) return good;
  rule.cause = std::make_shared<const DynBlockCause>(DynBlockCause{.reason = rule.reason,
                                                                   .action = rule.action,
                                                                   .tag_name = rule.tag_name,
                                                                   .tag_value = rule.tag_value});
  rules.suffix = SuffixRule{.rule = std::move(rule), .visitor = visitor, .kind = kKind};
  return {};
}

TextResult<void> SetMasks(DynBlockRules& rules, uint8_t v4, uint8_t v6, uint8_t port) {
  if (v4 > 32) return Fail(fmt::format("an IPv4 mask has 32 bits at most, not {}", v4));
  if (v6 > 128) return Fail(fmt::format("an IPv6 mask has 128 bits at most, not {}", v6));
  if (port > 16) return Fail(fmt::format("a port mask has 16 bits at most, not {}", port));
  rules.group.SetMasks({.v4 = v4, .v6 = v6, .port = port});
  return {};
}

void SetHook(DynBlockRules& rules, const LuaFunction& hook) {
  rules.hook = hook;
}
void SetQuiet(DynBlockRules& rules, bool quiet) {
  rules.group.set_quiet(quiet);
}

using Ranges = std::variant<StringOrList, std::shared_ptr<NetmaskGroup>>;

template <auto Method>
TextResult<void> EachRange(DynBlockRules& rules, const Ranges& ranges) {
  const auto* const group = std::get_if<std::shared_ptr<NetmaskGroup>>(&ranges);
  const auto texts = group ? (*group)->ToStrings() : std::get<StringOrList>(ranges).items;
  for (std::string_view text : texts) {
    // Of a group those too that it excludes itself: dnsdist takes its networks alone.
    if (group != nullptr && text.starts_with('!')) text.remove_prefix(1);
    const auto network = Netmask::Parse(text);
    if (!network) return Fail(network.error());
    (rules.group.*Method)(*network);
  }
  return {};
}

void ExcludeNames(DynBlockRules& rules, const NamesArg& names) {
  rules.excluded_names.insert(rules.excluded_names.end(), names.names.begin(), names.names.end());
}

void Apply(Call& call, const std::shared_ptr<DynBlockRules>& rules) {
  ApplyDynBlockRules(call.runtime(), *rules);
}

std::string Text(const DynBlockRules& rules) {
  return rules.ToString();
}

#define BW_TAIL "seconds, reason, blockingTime[, action[, warningRate[, {tagName=, tagValue=}]]])"
#define BW_RATIO_TAIL "[, action[, warningRatio[, {tagName=, tagValue=}]]])"
constexpr FunctionRow kMethods[] = {
    {"apply", Bind<&Apply>, "DynBlockRulesGroup:apply()",
     "Looks at the rings and blocks what the rules say; called from maintenance()."},
    {"excludeDomains", Bind<&ExcludeNames>, "DynBlockRulesGroup:excludeDomains(names)",
     "Names that the suffix match rule never blocks, nor those below."},
    {"excludeRange", Bind<&EachRange<&DynBlockGroup::Exclude>>,
     "DynBlockRulesGroup:excludeRange(netmasks)",
     "Clients that are not counted: a network, a list of networks or a NetmaskGroup."},
    {"includeRange", Bind<&EachRange<&DynBlockGroup::Include>>,
     "DynBlockRulesGroup:includeRange(netmasks)", "Clients that are, within those excluded."},
    {"removeRange", Bind<&EachRange<&DynBlockGroup::Remove>>,
     "DynBlockRulesGroup:removeRange(netmasks)",
     "Takes back what was excluded or included, for exactly these networks."},
    {"setAllowedRCodesRatio", Bind<&SetAllowedRCodes>,
     "DynBlockRulesGroup:setAllowedRCodesRatio(rcodes, ratio, seconds, reason, blockingTime, "
     "minimumNumberOfResponses" BW_RATIO_TAIL,
     "Blocks clients whose answers have other rcodes too often."},
    {"setCacheMissRatio", Bind<&SetCacheMissRatio>,
     "DynBlockRulesGroup:setCacheMissRatio(ratio, seconds, reason, blockingTime, "
     "minimumNumberOfResponses, minimumGlobalCacheHitRatio" BW_RATIO_TAIL,
     "Blocks clients that ask too often for what the cache does not hold."},
    {"setMasks", Bind<&SetMasks>, "DynBlockRulesGroup:setMasks(v4, v6, port)",
     "Counts and blocks clients by network, or by parts of their ports."},
    {"setNewBlockInsertedHook", Bind<&SetHook>, "DynBlockRulesGroup:setNewBlockInsertedHook(hook)",
     "Calls hook(kind, key, reason, action, seconds, warning) for each block; kind is 0 for "
     "clients, 1 for names."},
    {"setQTypeRate", Bind<&SetCodeRate<M::kTypeRate>>,
     "DynBlockRulesGroup:setQTypeRate(qtype, rate, " BW_TAIL,
     "Blocks clients that ask too often for a type."},
    {"setQueryRate", Bind<&SetRate<M::kQueryRate>>,
     "DynBlockRulesGroup:setQueryRate(rate, " BW_TAIL, "Blocks clients that ask too often."},
    {"setQuiet", Bind<&SetQuiet>, "DynBlockRulesGroup:setQuiet(quiet)",
     "Whether new blocks are not logged."},
    {"setRCodeRate", Bind<&SetCodeRate<M::kRCodeRate>>,
     "DynBlockRulesGroup:setRCodeRate(rcode, rate, " BW_TAIL,
     "Blocks clients that get an rcode too often."},
    {"setRCodeRatio", Bind<&SetRCodeRatio>,
     "DynBlockRulesGroup:setRCodeRatio(rcode, ratio, seconds, reason, blockingTime, "
     "minimumNumberOfResponses" BW_RATIO_TAIL,
     "Blocks clients that get an rcode too large a part of the time."},
    {"setResponseByteRate", Bind<&SetRate<M::kResponseByteRate>>,
     "DynBlockRulesGroup:setResponseByteRate(rate, " BW_TAIL,
     "Blocks clients that get too many octets."},
    {"setSuffixMatchRule", Bind<&SetSuffixRule<VisitorKind::kObjects>>,
     "DynBlockRulesGroup:setSuffixMatchRule(seconds, reason, blockingTime, action, visitor[, "
     "{tagName=, tagValue=}])",
     "Blocks names for which visitor(node, self, sum) says so: block[, reason[, action]]."},
    {"setSuffixMatchRuleFFI", Bind<&SetSuffixRule<VisitorKind::kFfi>>,
     "DynBlockRulesGroup:setSuffixMatchRuleFFI(seconds, reason, blockingTime, action, visitor[, "
     "{tagName=, tagValue=}])",
     "The same with visitor(node), which asks the functions of ffi.C."},
    {"toString", Bind<&Text>, "DynBlockRulesGroup:toString() -> string", "All rules, a line each."},
};
#undef BW_TAIL
#undef BW_RATIO_TAIL

const ClassRow kClass = {
    "DynBlockRulesGroup",
    kMethods,
    {},
    [](const void* object) { return static_cast<const DynBlockRules*>(object)->ToString(); },
    nullptr,
    nullptr,
    nullptr,
    "Rules by which clients and names are blocked for a time."};

constexpr FunctionRow kFunctions[] = {
    {"dynBlockRulesGroup", Bind<&NewGroup>, "dynBlockRulesGroup() -> DynBlockRulesGroup",
     "A group of rules for dynamic blocks; its apply() is called from maintenance()."},
};

}  // namespace

const ClassRow& DynBlockGroupClass() {
  return kClass;
}
FunctionPage DynBlockGroupFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
