// The page of what uses the table ffi.C, and what the page of policies takes from it.
#pragma once

#include <string>

#include "lua/bindings.h"
#include "proxy/pool/policy.h"

namespace breakwater::lua {

FunctionPage FfiFunctions();

// Of code that each worker runs by itself.
TextResult<PolicyPtr> NewPerThreadPolicy(Call& call, const std::string& name,
                                         const std::string& code);

}  // namespace breakwater::lua
