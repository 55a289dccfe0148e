#include "proxy/rules/suffix_match_tree.h"

namespace breakwater {

const std::string* SuffixMatchTree::Longest(std::span<const uint8_t> name) const {
  if (empty()) return nullptr;
  std::array<uint8_t, dns::kMaxNameLength> folded;
  dns::FoldInto(name, folded.data());
  size_t labels = 0;
  for (size_t at = 0; name[at] != 0; at += 1u + name[at]) ++labels;
  for (size_t at = 0;; at += 1u + name[at], --labels) {
    if (table_.HasDepth(labels)) {
      const std::string_view suffix(reinterpret_cast<const char*>(folded.data()) + at,
                                    name.size() - at);
      if (const std::string* found = table_.Find(suffix)) return found;
    }
    if (labels == 0) return nullptr;
  }
}

std::optional<dns::Name> SuffixMatchTree::BestMatch(std::span<const uint8_t> name) const {
  const std::string* wire = Longest(name);
  if (wire == nullptr) return std::nullopt;
  const auto best =
      dns::Name::FromWire({reinterpret_cast<const uint8_t*>(wire->data()), wire->size()});
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
