#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "proxy/dns/types.h"
#include "proxy/guard/dyn_block_group.h"

namespace breakwater {
namespace {

constexpr std::array<std::string_view, 12> kRCodeTexts = {
    "No Error",
    "Form Error",
    "Server Failure",
    "Non-Existent domain",
    "Not Implemented",
    "Query Refused",
    "Name Exists when it should not",
    "RR Set Exists when it should not",
    "RR Set that should exist does not",
    "Server Not Authoritative for zone / Not Authorized",
    "Name not contained in zone",
    ""};

std::string RCodeText(uint16_t rcode) {
  if (rcode < kRCodeTexts.size() - 1) return std::string(kRCodeTexts[rcode]);
  return fmt::format("Err#{}", rcode);
}

std::string Label(const DynBlockRule& rule) {
  if (rule.measure == DynBlockMeasure::kTypeRate) {
    return fmt::format("- {}: ", dns::TypeName(static_cast<dns::Type>(rule.code)));
  }
  const bool by_rcode =
      rule.measure == DynBlockMeasure::kRCodeRate || rule.measure == DynBlockMeasure::kRCodeRatio;
  return by_rcode ? fmt::format("- {}: ", RCodeText(rule.code)) : std::string();
}

}  // namespace

std::string DynBlockRuleText(const DynBlockRule& rule) {
  const std::string over = IsRatio(rule.measure) ? fmt::format("{:.6f} ratio", rule.limit)
                                                 : fmt::format("{}", rule.limit);
  return fmt::format("{} for {} seconds when over {} during the last {} seconds, reason: '{}'",
                     DynBlockActionText(rule.action), rule.block_s, over, rule.seconds,
                     rule.reason);
}

// Those of a kind that has a code stand below its heading.
std::string DynBlockGroup::LinesOf(std::span<const DynBlockMeasure> measures) const {
  std::string text;
  for (const DynBlockRule& rule : rules_) {
    if (std::find(measures.begin(), measures.end(), rule.measure) == measures.end()) continue;
    text += Label(rule) + DynBlockRuleText(rule) + '\n';
  }
  return text;
}

std::string DynBlockGroup::ToString(const std::string& suffix_rule,
                                    const std::string& excluded_names) const {
  using M = DynBlockMeasure;
  const auto line = [&](M measure) {
    const std::string text = LinesOf({&measure, 1});
    return text.empty() ? std::string("\n") : text;
  };
  const std::array<M, 2> by_rcode = {M::kRCodeRate, M::kRCodeRatio};
  const std::array<M, 1> by_type = {M::kTypeRate};
  std::string text = "Query rate rule: " + line(M::kQueryRate);
  text += "Response rate rule: " + line(M::kResponseByteRate);
  text += "SuffixMatch rule: " + suffix_rule + '\n';
  const std::string misses = LinesOf(std::array{M::kCacheMissRatio});
  if (!misses.empty()) text += "Cache-miss ratio rule: " + misses;
  const std::string allowed = LinesOf(std::array{M::kAllowedRCodes});
  if (!allowed.empty()) text += "Allowed RCodes rule: " + allowed;
  text += "RCode rules: \n" + LinesOf(by_rcode);
  text += "QType rules: \n" + LinesOf(by_type);
  text += "Excluded Subnets: " + excluded_.ToString() + '\n';
  text += "Excluded Domains: " + excluded_names + '\n';
  return text;
}

}  // namespace breakwater
