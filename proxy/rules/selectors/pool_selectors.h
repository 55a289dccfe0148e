// Selectors on the state of a pool. A name that is no pool never matches.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/rules/selector.h"

namespace breakwater {

SelectorPtr MakePoolAvailableSelector(std::string pool);  // any of its servers is up
// More queries in flight to its servers than `limit`.
SelectorPtr MakePoolOutstandingSelector(std::string pool, uint64_t limit);

}  // namespace breakwater
