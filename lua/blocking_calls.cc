#include "lua/blocking_calls.h"

#include "lua/runtime.h"

namespace breakwater::lua {
namespace {

constexpr const char* kOs[] = {"execute", "exit", "remove", "rename", "tmpname"};
constexpr const char* kGlobals[] = {"dofile", "loadfile"};
constexpr const char* kPackage[] = {"loadlib", "searchpath"};

// A registry key: Lua's own iterator over lines.
const char kReadLineKey = 0;

// A state without a runtime is that of a worker: all its calls with a budget are for packets.
bool HandlesPacket(lua_State* state) {
  const Runtime* const runtime = LuaState::RuntimeOf(state);
  if (runtime != nullptr) return runtime->place() == Place::kPacket;
  return BudgetOf(state).calls > 0;
}

int Refuse(lua_State* state, const char* reason) {
  return luaL_error(state, "%s: it cannot be called while a packet is handled", reason);
}

// A guard runs the function in its own frame, so that the function's errors tell its name and the
// line that called it, as they do without us. Upvalues: the function, the reason to refuse.
int CallUnlessPacket(lua_State* state) {
  if (HandlesPacket(state)) return Refuse(state, lua_tostring(state, lua_upvalueindex(2)));
  return lua_tocfunction(state, lua_upvalueindex(1))(state);
}

// Upvalues: the one of Lua's require, then the function. A module that is there is only looked up.
int Require(lua_State* state) {
  if (HandlesPacket(state)) {
    const char* const module = luaL_checkstring(state, 1);
    luaL_getsubtable(state, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(state, -1, module);
    if (lua_toboolean(state, -1) == 0) return Refuse(state, "require of a new module blocks");
    lua_pop(state, 2);
  }
  return lua_tocfunction(state, lua_upvalueindex(2))(state);
}

// Upvalues: those of Lua's iterator.
int ReadLine(lua_State* state) {
  if (HandlesPacket(state)) return Refuse(state, "reading a line blocks");
  lua_rawgetp(state, LUA_REGISTRYINDEX, &kReadLineKey);
  const lua_CFunction read_line = lua_tocfunction(state, -1);
  lua_pop(state, 1);
  return read_line(state);
}

// io.lines and file:lines; the iterator they give is guarded as well. Upvalues as above.
int Lines(lua_State* state) {
  const int results = CallUnlessPacket(state);
  const int iterator = lua_gettop(state) - results + 1;
  lua_pushcfunction(state, lua_tocfunction(state, iterator));
  lua_rawsetp(state, LUA_REGISTRYINDEX, &kReadLineKey);
  int upvalues = 0;
  while (lua_getupvalue(state, iterator, upvalues + 1) != nullptr) {
    luaL_checkstack(state, 1, "too many arguments");
    ++upvalues;
  }
  lua_pushcclosure(state, ReadLine, upvalues);
  lua_replace(state, iterator);
  return results;
}

// Puts `guard` in place of a function of the table on top of the stack.
void Guard(lua_State* state, const char* name, const char* reason,
           lua_CFunction guard = CallUnlessPacket) {
  lua_getfield(state, -1, name);
  lua_pushcfunction(state, lua_tocfunction(state, -1));
  lua_pushstring(state, reason);
  lua_pushcclosure(state, guard, 2);
  lua_setfield(state, -3, name);
  lua_pop(state, 1);
}

void GuardBlocking(lua_State* state, const char* prefix, const char* name) {
  const char* const reason = lua_pushfstring(
      state, "%s%s blocks (LogAction() and infolog() write, maintenance() may read)", prefix, name);
  lua_insert(state, -2);
  const bool lines = std::string_view(name) == "lines";
  Guard(state, name, reason, lines ? Lines : CallUnlessPacket);
  lua_remove(state, -2);
}

// The functions of the table on top of the stack, but for those whose names begin with "__".
void GuardAll(lua_State* state, const char* prefix) {
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    const bool function = lua_type(state, -1) == LUA_TFUNCTION;
    lua_pop(state, 1);
    const char* const name = lua_tostring(state, -1);
    if (!function || (name[0] == '_' && name[1] == '_')) continue;
    // Assigning to a field that is there does not disturb lua_next.
    lua_pushvalue(state, -2);
    GuardBlocking(state, prefix, name);
    lua_pop(state, 1);
  }
}

void GuardRequire(lua_State* state) {
  lua_getfield(state, -1, "require");
  lua_getupvalue(state, -1, 1);
  lua_pushcfunction(state, lua_tocfunction(state, -2));
  lua_pushcclosure(state, Require, 2);
  lua_setfield(state, -3, "require");
  lua_pop(state, 1);
}

}  // namespace

void GuardBlockingCalls(lua_State* state) {
  lua_getglobal(state, "io");
  GuardAll(state, "io.");
  luaL_getmetatable(state, LUA_FILEHANDLE);
  lua_getfield(state, -1, "__index");
  GuardAll(state, "file:");
  lua_pop(state, 3);
  lua_getglobal(state, "os");
  for (const char* name : kOs) GuardBlocking(state, "os.", name);
  lua_getglobal(state, "package");
  for (const char* name : kPackage) GuardBlocking(state, "package.", name);
  lua_getglobal(state, "debug");
  GuardBlocking(state, "debug.", "debug");
  Guard(state, "sethook", "debug.sethook undoes setLuaBudget");
  lua_pushglobaltable(state);
  for (const char* name : kGlobals) GuardBlocking(state, "", name);
  GuardRequire(state);
  lua_pop(state, 4);
}

}  // namespace breakwater::lua
