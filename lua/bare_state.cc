#include "lua/bare_state.h"

#include "lua/bindings.h"
#include "proxy/base/log.h"

namespace breakwater::lua {
namespace {

template <auto Write>
int LogLine(lua_State* state) {
  if (lua_type(state, 1) != LUA_TSTRING && lua_type(state, 1) != LUA_TNUMBER) {
    return luaL_error(state, "a text to log is expected, got %s", luaL_typename(state, 1));
  }
  const MemoryScope exempt(state, MemoryRule::kExempt);
  Write(PlainText(state, 1));
  return 0;
}
void WriteError(const std::string& line) {
  LogError("lua", "{}", line);
}
void WriteWarning(const std::string& line) {
  LogWarning("lua", "{}", line);
}
void WriteInfo(const std::string& line) {
  LogInfo("lua", "{}", line);
}
void WriteVerbose(const std::string& line) {
  if (GetLogSettings().verbose) LogInfo("lua", "{}", line);
}

}  // namespace

void SetUpBareState(lua_State* state, const FfiShared& shared) {
  SetConstants(state);
  lua_register(state, "errlog", LogLine<WriteError>);
  lua_register(state, "warnlog", LogLine<WriteWarning>);
  lua_register(state, "infolog", LogLine<WriteInfo>);
  lua_register(state, "vinfolog", LogLine<WriteVerbose>);
  InstallFfi(state, shared);
}

}  // namespace breakwater::lua
