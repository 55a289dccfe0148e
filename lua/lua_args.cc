#include "lua/lua_args.h"

#include <fmt/format.h>

#include <cmath>

#include "lua/lua_function.h"

namespace breakwater::lua {

void Call::Warn(std::string_view text) {
  runtime_.Warn(fmt::format("{}{}: {}", Where(), row_.name, text));
}

std::string TypeError(Call& call, int index, std::string_view expected) {
  lua_State* const state = call.state();
  const char* got = luaL_typename(state, index);
  // Inside a list or an option table the index lies above the arguments.
  if (index > call.count()) return fmt::format("{} expected, got {}", expected, got);
  return fmt::format("bad argument #{} ({} expected, got {})", index, expected, got);
}

std::string RangeError(Call& call, int index, std::pair<int64_t, uint64_t> range) {
  const std::string value = PlainText(call.state(), index);
  if (index > call.count()) {
    return fmt::format("{} is out of range ({} to {})", value, range.first, range.second);
  }
  return fmt::format("bad argument #{}: {} is out of range ({} to {})", index, value, range.first,
                     range.second);
}

std::optional<int64_t> ToInteger(lua_State* state, int index) {
  if (lua_isnumber(state, index) == 0) return std::nullopt;
  int is_integer = 0;
  const lua_Integer value = lua_tointegerx(state, index, &is_integer);
  if (is_integer != 0) return value;
  if (lua_type(state, index) != LUA_TNUMBER) return std::nullopt;
  // 2^63 itself is no int64_t, -2^63 is; nothing compares with what is no number.
  constexpr double kEnd = 0x1p63;
  const double number = std::trunc(lua_tonumberx(state, index, nullptr));
  if (!(number >= -kEnd && number < kEnd)) return std::nullopt;
  return static_cast<int64_t>(number);
}

bool IsTable(lua_State* state, int index) {
  return lua_type(state, index) == LUA_TTABLE;
}

TextResult<std::string> Reader<std::string>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  // Not lua_tolstring: it would change a number that is a key of a table being walked.
  return PlainText(call.state(), index);
}

TextResult<bool> Reader<bool>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  return lua_toboolean(call.state(), index) != 0;
}

TextResult<double> Reader<double>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  return lua_tonumberx(call.state(), index, nullptr);
}

TextResult<LuaFunction> Reader<LuaFunction>::Read(Call& call, int index) {
  if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  return LuaFunction(call.runtime(), call.state(), index);
}

TextResult<StringOrList> Reader<StringOrList>::Read(Call& call, int index) {
  StringOrList result;
  if (Reader<std::string>::Accepts(call.state(), index)) {
    result.items.push_back(*Reader<std::string>::Read(call, index));
    return result;
  }
  if (!IsTable(call.state(), index)) return Fail(TypeError(call, index, kExpected));
  auto list = Reader<std::vector<std::string>>::Read(call, index);
  if (!list) return Fail(std::move(list.error()));
  result.items = std::move(*list);
  return result;
}

}  // namespace breakwater::lua
