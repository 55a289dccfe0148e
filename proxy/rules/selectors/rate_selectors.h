// Selectors that count or throw dice: MaxQPSRule, MaxQPSIPRule, ProbaRule. Limits hold over all
// workers together. Peek() takes no tokens.
#pragma once

#include "proxy/guard/ip_limits.h"
#include "proxy/rules/selector.h"

namespace breakwater {

// Matches while BELOW the rate.
SelectorPtr MakeMaxQpsSelector(uint32_t qps, uint32_t burst);
// Matches the queries of a network that is ABOVE the rate.
SelectorPtr MakeMaxQpsIpSelector(const IpLimitSettings& settings);
// Matches with this probability, 0 to 1; Peek() cannot tell unless it is 0 or 1.
SelectorPtr MakeProbaSelector(double probability);

}  // namespace breakwater
