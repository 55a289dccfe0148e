#include "proxy/rules/name_set.h"

#include <array>

namespace breakwater {

bool NameSet::Matches(std::span<const uint8_t> name) const {
  if (empty()) return false;
  std::array<uint8_t, dns::kMaxNameLength> folded;
  dns::FoldInto(name, folded.data());
  return table_.Find({reinterpret_cast<const char*>(folded.data()), name.size()}) != nullptr;
}

std::string NameSet::ToString() const {
  std::string text;
  for (const dns::Name& name : Names()) text += name.ToStringNoDot() + "\n";
  return text;
}

}  // namespace breakwater
