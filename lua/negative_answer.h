// A negative answer with its SOA, as Lua gives it: NegativeAndSOAAction() and
// dq:setNegativeAndAdditionalSOA().
#pragma once

#include "lua/question_view.h"
#include "proxy/rules/actions/answer_actions.h"

namespace breakwater::lua {

// The ten arguments nxd, zone, ttl, mname, rname, serial, refresh, retry, expire, minimum, the
// first of them at `first`.
TextResult<NegativeAndSoa> ReadNegativeAndSoa(Call& call, int first);

// Answers at once; false where the answer does not fit. An error where there is nothing to answer
// with, or an argument is bad.
TextResult<bool> SetNegativeAndSoa(Call& call, QuestionView& view);

}  // namespace breakwater::lua
