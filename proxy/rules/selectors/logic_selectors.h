// AllRule, AndRule, OrRule, NotRule.
#pragma once

#include <vector>

#include "proxy/rules/selector.h"

namespace breakwater {

SelectorPtr MakeAllSelector();
// True where there are no parts, as in dnsdist.
SelectorPtr MakeAndSelector(std::vector<SelectorPtr> parts);
// False where there are no parts.
SelectorPtr MakeOrSelector(std::vector<SelectorPtr> parts);
SelectorPtr MakeNotSelector(SelectorPtr part);

}  // namespace breakwater
