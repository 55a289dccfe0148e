// Reading the arguments of a call from Lua, by type. A Reader<T> says whether a value is a T and
// gives it; lua_function.h puts them together into calls of plain C++ functions. Nothing here
// raises Lua errors.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "lua/runtime.h"

namespace breakwater::lua {

struct FunctionRow;

// One call from Lua: its interpreter (a coroutine's, perhaps), runtime and name.
class Call {
 public:
  Call(lua_State* state, Runtime& runtime, const FunctionRow& row)
      : state_(state), runtime_(runtime), row_(row), count_(lua_gettop(state)) {}

  lua_State* state() { return state_; }
  Runtime& runtime() { return runtime_; }
  ConfigBuilder& builder() { return runtime_.builder(); }
  const FunctionRow& row() const { return row_; }
  int count() const { return count_; }  // of arguments, the object of a method included
  std::string Where() { return WhereOf(state_); }
  // "file:line: NAME: text", logged and kept.
  void Warn(std::string_view text);
  void Print(std::string_view text) { runtime_.Print(text); }

 private:
  lua_State* state_;
  Runtime& runtime_;
  const FunctionRow& row_;
  int count_;
};

// How many values the function pushed itself.
struct Pushed {
  int count = 0;
};

std::string TypeError(Call& call, int index, std::string_view expected);
// Strings of digits are integers too, and floats, whose fraction is cut off.
std::optional<int64_t> ToInteger(lua_State* state, int index);
bool IsTable(lua_State* state, int index);

template <typename T, typename = void>
struct Reader;

template <>
struct Reader<std::string> {
  static constexpr const char* kExpected = "string";
  static bool Accepts(lua_State* state, int index) {
    return lua_type(state, index) == LUA_TSTRING || lua_type(state, index) == LUA_TNUMBER;
  }
  static TextResult<std::string> Read(Call& call, int index);
};

template <>
struct Reader<bool> {
  static constexpr const char* kExpected = "boolean";
  static bool Accepts(lua_State* state, int index) {
    return lua_type(state, index) == LUA_TBOOLEAN;
  }
  static TextResult<bool> Read(Call& call, int index);
};

template <>
struct Reader<double> {
  static constexpr const char* kExpected = "number";
  static bool Accepts(lua_State* state, int index) { return lua_isnumber(state, index) != 0; }
  static TextResult<double> Read(Call& call, int index);
};

// The error of a value outside [low, high].
std::string RangeError(Call& call, int index, std::pair<int64_t, uint64_t> range);

template <typename T>
struct Reader<T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>>> {
  static constexpr const char* kExpected = "integer";
  static bool Accepts(lua_State* state, int index) { return ToInteger(state, index).has_value(); }
  static TextResult<T> Read(Call& call, int index) {
    const auto value = ToInteger(call.state(), index);
    if (!value) return Fail(TypeError(call, index, kExpected));
    if (!std::in_range<T>(*value)) {
      return Fail(RangeError(call, index,
                             {static_cast<int64_t>(std::numeric_limits<T>::min()),
                              static_cast<uint64_t>(std::numeric_limits<T>::max())}));
    }
    return static_cast<T>(*value);
  }
};

template <>
struct Reader<LuaFunction> {
  static constexpr const char* kExpected = "function";
  static bool Accepts(lua_State* state, int index) {
    return lua_type(state, index) == LUA_TFUNCTION;
  }
  static TextResult<LuaFunction> Read(Call& call, int index);
};

// nil, or no argument at all, is nothing.
template <typename T>
struct Reader<std::optional<T>> {
  static constexpr const char* kExpected = Reader<T>::kExpected;
  static bool Accepts(lua_State* state, int index) {
    return lua_isnoneornil(state, index) || Reader<T>::Accepts(state, index);
  }
  static TextResult<std::optional<T>> Read(Call& call, int index) {
    if (lua_isnoneornil(call.state(), index)) return std::optional<T>();
    auto value = Reader<T>::Read(call, index);
    if (!value) return Fail(std::move(value.error()));
    return std::optional<T>(std::move(*value));
  }
};

// A table with the indexes 1, 2, 3 ...
template <typename T>
struct Reader<std::vector<T>> {
  static constexpr const char* kExpected = "list";
  static bool Accepts(lua_State* state, int index) { return IsTable(state, index); }
  static TextResult<std::vector<T>> Read(Call& call, int index) {
    if (!Accepts(call.state(), index)) return Fail(TypeError(call, index, kExpected));
    std::vector<T> list;
    const auto length = static_cast<lua_Integer>(lua_rawlen(call.state(), index));
    for (lua_Integer i = 1; i <= length; ++i) {
      lua_rawgeti(call.state(), index, i);
      auto value = Reader<T>::Read(call, lua_gettop(call.state()));
      lua_pop(call.state(), 1);
      if (!value) return Fail(std::move(value.error()));
      list.push_back(std::move(*value));
    }
    return list;
  }
};

// The first alternative that accepts the value.
template <typename... T>
struct Reader<std::variant<T...>> {
  static constexpr const char* kExpected =
      Reader<std::tuple_element_t<0, std::tuple<T...>>>::kExpected;
  static bool Accepts(lua_State* state, int index) {
    return (Reader<T>::Accepts(state, index) || ...);
  }
  static TextResult<std::variant<T...>> Read(Call& call, int index) {
    TextResult<std::variant<T...>> result = Fail(std::string());
    bool done = false;
    (TryOne<T>(call, index, &done, &result), ...);
    if (!done) return Fail(TypeError(call, index, kExpected));
    return result;
  }

 private:
  template <typename U>
  static void TryOne(Call& call, int index, bool* done, TextResult<std::variant<T...>>* result) {
    if (*done || !Reader<U>::Accepts(call.state(), index)) return;
    *done = true;
    auto value = Reader<U>::Read(call, index);
    if (value) {
      *result = std::variant<T...>(std::in_place_type<U>, std::move(*value));
    } else {
      *result = Fail(std::move(value.error()));
    }
  }
};

// "x" or {"x", "y"}: always a list.
struct StringOrList {
  std::vector<std::string> items;
};
template <>
struct Reader<StringOrList> {
  static constexpr const char* kExpected = "string or list of strings";
  static bool Accepts(lua_State* state, int index) {
    return Reader<std::string>::Accepts(state, index) || IsTable(state, index);
  }
  static TextResult<StringOrList> Read(Call& call, int index);
};

}  // namespace breakwater::lua
