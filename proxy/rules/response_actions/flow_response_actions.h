// Response actions that say where an answer goes.
#pragma once

#include "proxy/rules/action.h"

namespace breakwater {

ResponseActionPtr MakeAllowResponseAction();
ResponseActionPtr MakeDropResponseAction();
ResponseActionPtr MakeDelayResponseAction(uint32_t delay_ms);  // datagrams only; goes on
// Over datagrams: TC, no records, and the chain ends. On streams it goes on.
ResponseActionPtr MakeTcResponseAction();

}  // namespace breakwater
