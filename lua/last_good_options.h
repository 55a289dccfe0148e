// The table `lastGood` of newPacketCache.
#pragma once

#include "lua/options.h"
#include "proxy/cache/last_good.h"

namespace breakwater::lua {

struct LastGoodArg {
  LastGoodSettings settings;
};

template <>
struct Reader<LastGoodArg> {
  static constexpr const char* kExpected = "table of options";
  static bool Accepts(lua_State* state, int index) { return IsTable(state, index); }
  static TextResult<LastGoodArg> Read(Call& call, int index);
};

}  // namespace breakwater::lua
