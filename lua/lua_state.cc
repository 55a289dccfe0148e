#include "lua/lua_state.h"

#include <fmt/format.h>

#include <cstring>

#include "lua/blocking_calls.h"
#include "lua/call_alarm.h"
#include "lua/coroutines.h"
#include "lua/debug_guards.h"
#include "lua/endless_calls.h"
#include "lua/prelude_text.h"
#include "lua/whole_numbers.h"
#include "proxy/base/log.h"

namespace breakwater::lua {
namespace {

constexpr int kCollectorPausePercent = 120;
constexpr int kCollectorStepMultiplier = 200;

// Lua shortens long file names in its messages ("...d/conf.lua:3:"); puts the whole one back.
int ExplainError(lua_State* state) {
  if (lua_type(state, 1) != LUA_TSTRING) {
    if (luaL_callmeta(state, 1, "__tostring") == 0) {
      lua_pushfstring(state, "(an error that is a %s)", luaL_typename(state, 1));
    }
    return 1;
  }
  lua_Debug frame;
  for (int level = 1; lua_getstack(state, level, &frame) != 0; ++level) {
    lua_getinfo(state, "S", &frame);
    const size_t length = std::strlen(frame.short_src);
    const char* message = lua_tostring(state, 1);
    if (frame.source[0] != '@' || std::strncmp(message, frame.short_src, length) != 0) continue;
    lua_pushfstring(state, "%s%s", frame.source + 1, message + length);
    return 1;
  }
  return 1;
}

// An error outside any protected call, which is one of ours: what it says is all there is to know.
int Panic(lua_State* state) {
  const char* text = lua_tostring(state, -1);
  LogError("lua", "unprotected error: {}", text == nullptr ? "no text" : text);
  return 0;  // Lua aborts
}

TextResult<void> TakeError(lua_State* state) {
  std::string text = PlainText(state, -1);
  lua_pop(state, 1);
  return Fail(std::move(text));
}

}  // namespace

LuaState::LuaState() : state_(lua_newstate(AllocateFrom, &budget_)) {
  lua_atpanic(state_, Panic);
  luaL_openlibs(state_);
  InstallCoroutines(state_);
  GuardBlockingCalls(state_);
  GuardDebugLibrary(state_);
  BoundEndlessCalls(state_);
  TakeFractions(state_);
  // An object of ours has a finalizer, so two collections pass before its memory is free. With
  // Lua's own pause of 200 the second starts when the heap has doubled: it grows without bound
  // under a function that runs for every query.
  lua_gc(state_, LUA_GCINC, kCollectorPausePercent, kCollectorStepMultiplier, 0);
  SetRuntime(nullptr);
  for (size_t i = 0; i < kPreludeFileCount; ++i) {
    const PreludeFile& file = kPreludeFiles[i];
    const std::string name = fmt::format("=prelude/{}", file.name);
    if (luaL_loadbuffer(state_, file.text, std::strlen(file.text), name.c_str()) != LUA_OK ||
        lua_pcall(state_, 0, 0, 0) != LUA_OK) {
      fmt::print(stderr, "{}\n", lua_tostring(state_, -1));
      std::abort();  // part of the program: its tests run it
    }
  }
}

LuaState::~LuaState() {
  lua_close(state_);
}

void LuaState::SetRuntime(Runtime* runtime) {
  *static_cast<Runtime**>(lua_getextraspace(state_)) = runtime;
}

Runtime* LuaState::RuntimeOf(lua_State* state) {
  return *static_cast<Runtime**>(lua_getextraspace(state));
}

TextResult<void> LuaState::RunFile(const std::string& path) {
  if (luaL_loadfile(state_, path.c_str()) != LUA_OK) return TakeError(state_);
  return ProtectedCall(state_, 0, 0);
}

TextResult<int> LuaState::RunText(std::string_view text, const std::string& chunk_name) {
  const int before = lua_gettop(state_);
  if (luaL_loadbuffer(state_, text.data(), text.size(), chunk_name.c_str()) != LUA_OK) {
    return Fail(TakeError(state_).error());
  }
  const auto ran = ProtectedCall(state_, 0, LUA_MULTRET);
  if (!ran) return Fail(ran.error());
  return lua_gettop(state_) - before;
}

bool LuaState::Compiles(std::string_view text) {
  const int status = luaL_loadbuffer(state_, text.data(), text.size(), "=check");
  lua_pop(state_, 1);
  return status == LUA_OK;
}

TextResult<void> ProtectedCall(lua_State* state, int arguments, int results) {
  const int handler = lua_gettop(state) - arguments;
  lua_pushcfunction(state, ExplainError);
  lua_insert(state, handler);
  int status = LUA_OK;
  {
    const MemoryScope limited(state, MemoryRule::kLimited);
    const CallWatch watch(state, StopCall);
    status = lua_pcall(state, arguments, results, handler);
  }
  lua_remove(state, handler);
  // So that nothing later takes this end for its own.
  if (BudgetOf(state).calls == 0) BudgetOf(state).stopped = false;
  if (status != LUA_OK) return TakeError(state);
  return {};
}

std::string WhereOf(lua_State* state, int level) {
  lua_Debug frame;
  for (; lua_getstack(state, level, &frame) != 0; ++level) {
    lua_getinfo(state, "Sl", &frame);
    if (frame.currentline <= 0) continue;
    const char* source = frame.source[0] == '@' ? frame.source + 1 : frame.short_src;
    return fmt::format("{}:{}: ", source, frame.currentline);
  }
  return {};
}

int PushRawGlobal(lua_State* state, std::string_view name) {
  lua_pushglobaltable(state);
  lua_pushlstring(state, name.data(), name.size());
  const int type = lua_rawget(state, -2);
  lua_remove(state, -2);
  return type;
}

std::string PlainText(lua_State* state, int index) {
  switch (lua_type(state, index)) {
    case LUA_TNIL:
      return "nil";
    case LUA_TBOOLEAN:
      return lua_toboolean(state, index) != 0 ? "true" : "false";
    case LUA_TNUMBER: {
      if (lua_isinteger(state, index) != 0) {
        return fmt::format("{}", lua_tointegerx(state, index, nullptr));
      }
      return fmt::format("{:.14g}", lua_tonumberx(state, index, nullptr));
    }
    case LUA_TSTRING: {
      size_t length = 0;
      const char* text = lua_tolstring(state, index, &length);
      return std::string(text, length);
    }
    default:
      return luaL_typename(state, index);
  }
}

}  // namespace breakwater::lua
