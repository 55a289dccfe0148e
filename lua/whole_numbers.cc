#include "lua/whole_numbers.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace breakwater::lua {
namespace {

// A list that is longer is left to table.concat itself, which may refuse it (endless_calls.h).
constexpr lua_Integer kMostItems = 10'000'000;
// From there on LuaJIT writes an exponent.
constexpr double kLongestWhole = 1e15;

// A replacement runs the function in its own frame, so that errors tell its name and the line that
// called it. First upvalue: the first of the function's own, or nil; second: the function.
int CallOriginal(lua_State* state) {
  return lua_tocfunction(state, lua_upvalueindex(2))(state);
}

void CutAt(lua_State* state, int index) {
  int is_integer = 0;
  int is_number = 0;
  lua_tointegerx(state, index, &is_integer);
  if (is_integer != 0) return;
  const double whole = std::trunc(lua_tonumberx(state, index, &is_number));
  if (is_number == 0 || !(whole >= -0x1p63 && whole < 0x1p63)) return;
  lua_pushinteger(state, static_cast<lua_Integer>(whole));
  lua_replace(state, index);
}

// Third upvalue: which arguments, the first in the lowest bit.
int CutArguments(lua_State* state) {
  const auto which = static_cast<uint64_t>(lua_tointeger(state, lua_upvalueindex(3)));
  const int count = lua_gettop(state);
  for (int i = 1; i <= count; ++i) {
    if ((which >> std::min(i - 1, 63) & 1) != 0) CutAt(state, i);
  }
  return CallOriginal(state);
}

// The second of two is no place but what is inserted.
int Insert(lua_State* state) {
  if (lua_gettop(state) == 3) CutAt(state, 2);
  return CallOriginal(state);
}

// A date in a table of its own: Lua 5.4 writes into the one it gets.
int Time(lua_State* state) {
  if (lua_type(state, 1) != LUA_TTABLE) return CallOriginal(state);
  lua_settop(state, 1);
  lua_createtable(state, 0, 7);
  for (const char* field : {"year", "month", "day", "hour", "min", "sec", "isdst"}) {
    lua_getfield(state, 1, field);
    CutAt(state, 3);
    lua_setfield(state, 2, field);
  }
  lua_replace(state, 1);
  return CallOriginal(state);
}

bool IsWholeFloat(lua_State* state, int index) {
  if (lua_type(state, index) != LUA_TNUMBER || lua_isinteger(state, index) != 0) return false;
  const double value = lua_tonumber(state, index);
  return value == std::trunc(value) && std::fabs(value) < kLongestWhole;
}

bool AnyWholeFloat(lua_State* state, lua_Integer first, lua_Integer last) {
  for (lua_Integer i = first; i <= last; ++i) {
    lua_geti(state, 1, i);
    const bool is_one = IsWholeFloat(state, -1);
    lua_pop(state, 1);
    if (is_one) return true;
  }
  return false;
}

int Concat(lua_State* state) {
  if (lua_type(state, 1) != LUA_TTABLE) return CallOriginal(state);
  lua_settop(state, 4);
  CutAt(state, 3);
  CutAt(state, 4);
  const lua_Integer first = luaL_optinteger(state, 3, 1);
  const lua_Integer last = lua_isnil(state, 4) ? luaL_len(state, 1) : luaL_checkinteger(state, 4);
  lua_Integer steps = 0;
  const bool too_many = __builtin_sub_overflow(last, first, &steps) || steps > kMostItems;
  if (too_many || !AnyWholeFloat(state, first, last)) return CallOriginal(state);
  lua_createtable(state, static_cast<int>(steps + 1), 0);
  for (lua_Integer i = first; i <= last; ++i) {
    lua_geti(state, 1, i);
    if (IsWholeFloat(state, -1)) {
      char text[32];
      lua_pushlstring(
          state, text,
          static_cast<size_t>(std::snprintf(text, sizeof(text), "%.0f", lua_tonumber(state, -1))));
      lua_replace(state, -2);
    }
    lua_rawseti(state, 5, i);
  }
  lua_replace(state, 1);
  lua_pushinteger(state, first);
  lua_replace(state, 3);
  lua_pushinteger(state, last);
  lua_replace(state, 4);
  return CallOriginal(state);
}

// Puts `function` in place of one of the table on top of the stack.
struct Row {
  const char* name;
  lua_CFunction function;
  lua_Integer which = 0;  // for CutArguments
};
void Replace(lua_State* state, const Row& row) {
  lua_getfield(state, -1, row.name);
  if (lua_getupvalue(state, -1, 1) == nullptr) lua_pushnil(state);
  lua_pushcfunction(state, lua_tocfunction(state, -2));
  lua_pushinteger(state, row.which);
  lua_pushcclosure(state, row.function, 3);
  lua_setfield(state, -3, row.name);
  lua_pop(state, 1);
}

constexpr lua_Integer kFirst = 1, kSecond = 2, kThird = 4, kFourth = 8, kAll = -1;

constexpr Row kGlobal[] = {{"collectgarbage", CutArguments, kSecond},
                           {"error", CutArguments, kSecond},
                           {"select", CutArguments, kFirst},
                           {"tonumber", CutArguments, kSecond}};
constexpr Row kMath[] = {{"random", CutArguments, kFirst | kSecond},
                         {"randomseed", CutArguments, kFirst}};
constexpr Row kOs[] = {{"date", CutArguments, kSecond}, {"time", Time}};
constexpr Row kString[] = {
    {"byte", CutArguments, kSecond | kThird}, {"char", CutArguments, kAll},
    {"find", CutArguments, kThird},           {"gmatch", CutArguments, kThird},
    {"gsub", CutArguments, kFourth},          {"match", CutArguments, kThird},
    {"rep", CutArguments, kSecond},           {"sub", CutArguments, kSecond | kThird}};
constexpr Row kTable[] = {{"concat", Concat},
                          {"insert", Insert},
                          {"remove", CutArguments, kSecond},
                          {"unpack", CutArguments, kSecond | kThird}};

}  // namespace

void TakeFractions(lua_State* state) {
  lua_pushglobaltable(state);
  for (const Row& row : kGlobal) Replace(state, row);
  const auto replace_in = [&](const char* library, const auto& rows) {
    lua_getfield(state, -1, library);
    for (const Row& row : rows) Replace(state, row);
    lua_pop(state, 1);
  };
  replace_in("math", kMath);
  replace_in("os", kOs);
  replace_in("string", kString);
  replace_in("table", kTable);
  lua_pop(state, 1);
}

}  // namespace breakwater::lua
