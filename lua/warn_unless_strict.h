// For what dnsdist tells and goes on without: a warning, or an error where the file is strict.
#pragma once

#include <string>
#include <utility>

#include "lua/lua_args.h"

namespace breakwater::lua {

// The caller leaves out what is wrong and says so in `text`.
inline TextResult<void> WarnUnlessStrict(Call& call, std::string text) {
  if (call.runtime().strict()) return Fail(std::move(text));
  call.Warn(text);
  return {};
}

}  // namespace breakwater::lua
