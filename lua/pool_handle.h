// Lua's ServerPool: a pool of the working copy by its name.
#pragma once

#include <string>

#include "lua/lua_classes.h"

namespace breakwater::lua {

struct PoolHandle {
  std::string name;
};

template <>
struct LuaClass<PoolHandle> {
  static constexpr const char* kName = "ServerPool";
};

}  // namespace breakwater::lua
