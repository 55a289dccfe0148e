// lastGood and refreshAhead of newPacketCache: a table, true for one without options, or false.
#pragma once

#include <optional>
#include <string>

#include "lua/options.h"
#include "proxy/cache/packet_cache.h"

namespace breakwater::lua {

// `wrong` is for the caller to reject: nobody wants to run without what was mistyped.
struct LastGoodArg {
  std::optional<LastGoodSettings> settings;
  std::string wrong;
};
struct RefreshAheadArg {
  std::optional<RefreshAheadSettings> settings;
  std::string wrong;
};

inline bool IsTableOrBoolean(lua_State* state, int index) {
  return IsTable(state, index) || lua_isboolean(state, index);
}

template <>
struct Reader<LastGoodArg> {
  static constexpr const char* kExpected = "table of options or boolean";
  static bool Accepts(lua_State* state, int index) { return IsTableOrBoolean(state, index); }
  static TextResult<LastGoodArg> Read(Call& call, int index);
};
template <>
struct Reader<RefreshAheadArg> {
  static constexpr const char* kExpected = "table of options or boolean";
  static bool Accepts(lua_State* state, int index) { return IsTableOrBoolean(state, index); }
  static TextResult<RefreshAheadArg> Read(Call& call, int index);
};

// For as many workers as there will be.
TextResult<std::shared_ptr<PacketCache>> MakeCache(Call& call, PacketCacheSettings settings);

}  // namespace breakwater::lua
