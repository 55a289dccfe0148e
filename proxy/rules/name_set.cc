#include "proxy/rules/name_set.h"

namespace breakwater {

std::string NameSet::ToString() const {
  std::string text;
  for (const dns::Name& name : Names()) text += name.ToStringNoDot() + "\n";
  return text;
}

}  // namespace breakwater
