#include "proxy/rules/suffix_match_tree.h"

namespace breakwater {

std::optional<dns::Name> SuffixMatchTree::BestMatch(std::span<const uint8_t> name) const {
  const auto best = dns::Name::FromWire(table_.FindSuffix(name));
  return best ? std::optional<dns::Name>(*best) : std::nullopt;
}

std::string SuffixMatchTree::ToString() const {
  std::string text;
  for (const dns::Name& name : Names()) {
    if (!text.empty()) text += ", ";
    text += name.ToString();
  }
  return text;
}

}  // namespace breakwater
