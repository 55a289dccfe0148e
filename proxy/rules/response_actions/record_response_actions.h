// Response actions on the records of an answer: TTLs, and taking records out. They run before
// the answer is cached. A message whose records do not add up is left as it is, but for TTLs in
// front of the fault.
#pragma once

#include <vector>

#include "proxy/base/result.h"
#include "proxy/dns/types.h"
#include "proxy/rules/action.h"

namespace breakwater {

ResponseActionPtr MakeSetMinTtlResponseAction(uint32_t min);
ResponseActionPtr MakeSetMaxTtlResponseAction(uint32_t max);
// `types` limits it to those, and records of classes other than IN; empty: all. The maximum wins
// over the minimum; 0 as minimum is none.
ResponseActionPtr MakeLimitTtlResponseAction(uint32_t min, uint32_t max,
                                             std::vector<dns::Type> types = {});
// To so many percent; more than 100 is an error.
TextResult<ResponseActionPtr> MakeSetReducedTtlResponseAction(uint32_t percent);
ResponseActionPtr MakeClearRecordTypesResponseAction(std::vector<dns::Type> types);

}  // namespace breakwater
