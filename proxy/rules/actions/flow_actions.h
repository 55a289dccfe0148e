// Actions that say where a query goes: on, away, to a pool, later.
#pragma once

#include <string>

#include "proxy/rules/action.h"

namespace breakwater {

// What a rule does after it chose the pool: PoolAction's `stop`, true in dnsdist.
enum class AfterPool : uint8_t { kStop, kNextRule };

ActionPtr MakeAllowAction();
ActionPtr MakeDropAction();
ActionPtr MakeNoneAction();
// Does what `inner` does, but the rules go on. An answer that `inner` made stays one: when the
// chain ends the query has QR set.
ActionPtr MakeContinueAction(ActionPtr inner);
ActionPtr MakePoolAction(std::string pool, AfterPool after = AfterPool::kStop);
// Drops what is above `qps` queries a second.
ActionPtr MakeQpsAction(uint32_t qps);
// To the pool while below `qps`, else on with the next rule.
ActionPtr MakeQpsPoolAction(uint32_t qps, std::string pool, AfterPool after = AfterPool::kStop);
// Holds the answer back; datagrams only. The rules go on.
ActionPtr MakeDelayAction(uint32_t delay_ms);

}  // namespace breakwater
