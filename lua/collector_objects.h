// What Lua knows of collectors, and the actions that tell them.
#pragma once

#include "lua/lua_function.h"
#include "lua/rule_objects.h"
#include "proxy/rules/actions/tell_actions.h"

namespace breakwater::lua {

template <>
struct LuaClass<Collector> {
  static constexpr const char* kName = "RemoteLogger";
};
template <>
struct LuaClass<ProtobufMessage> {
  static constexpr const char* kName = "DNSDistProtoBufMessage";
};
template <>
struct LuaClass<DnstapMessage> {
  static constexpr const char* kName = "DnstapMessage";
};

// An alter function that fails or is stopped hides nothing: the message is not told then, counted
// as an error of Lua.
TextResult<ActionPtr> RemoteLog(Call& call);
TextResult<ResponseActionPtr> RemoteLogResponse(Call& call);
TextResult<ActionPtr> DnstapLog(Call& call);
TextResult<ResponseActionPtr> DnstapLogResponse(Call& call);

}  // namespace breakwater::lua
