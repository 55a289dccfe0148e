#include "lua/console_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>

#include "lua/lua_object.h"
#include "proxy/base/text.h"

namespace breakwater::lua {
namespace {

constexpr int kMaxDepth = 4;

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string ObjectText(lua_State* state, int index) {
  const Box* box = BoxAt(state, index);
  if (box == nullptr) return luaL_typename(state, index);
  return box->row->to_string != nullptr ? box->row->to_string(box->object.get())
                                        : std::string(box->row->name);
}

std::string ValueText(lua_State* state, int index, int depth);

// {"a": 1, "b": "x"}, the keys in order: numbers first, by size.
std::string TableText(lua_State* state, int index, int depth) {
  if (depth >= kMaxDepth) return "{...}";
  std::map<double, std::string> numbered;
  std::map<std::string, std::string> named;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    std::string value = ValueText(state, lua_gettop(state), depth + 1);
    lua_pop(state, 1);
    if (lua_type(state, -1) == LUA_TNUMBER) {
      numbered[lua_tonumberx(state, -1, nullptr)] = std::move(value);
    } else {
      const bool object = lua_type(state, -1) == LUA_TUSERDATA;
      named[object ? ObjectText(state, -1) : PlainText(state, -1)] = std::move(value);
    }
  }
  std::string text = "{";
  const auto append = [&](const std::string& key, const std::string& value) {
    if (text.size() > 1) text += ", ";
    text += fmt::format("{}: {}", Quoted(key), value);
  };
  for (const auto& [key, value] : numbered) append(fmt::format("{:.14g}", key), value);
  for (const auto& [key, value] : named) append(key, value);
  return text + "}";
}

std::string ValueText(lua_State* state, int index, int depth) {
  switch (lua_type(state, index)) {
    case LUA_TSTRING:
      return depth > 0 ? Quoted(PlainText(state, index)) : PlainText(state, index);
    case LUA_TTABLE:
      return TableText(state, index, depth);
    case LUA_TUSERDATA:
      return depth > 0 ? Quoted(ObjectText(state, index)) : ObjectText(state, index);
    default:
      return PlainText(state, index);
  }
}

}  // namespace

TextResult<int> RunConsoleLine(LuaState& interpreter, std::string_view line) {
  const std::string expression = fmt::format("return {}", line);
  if (interpreter.Compiles(expression)) return interpreter.RunText(expression, expression);
  return interpreter.RunText(line, std::string(line));
}

std::string ResultText(lua_State* state, int count) {
  // Behind many results there may be no room for what is pushed while a table is walked.
  if (count == 0 || lua_checkstack(state, LUA_MINSTACK) == 0) return {};
  const int first = lua_gettop(state) - count + 1;
  if (lua_isnil(state, first)) return {};
  const std::string text = ValueText(state, first, 0);
  // dnsdist ends every result with a newline, so that the next prompt has a line of its own.
  return !text.empty() && text.back() == '\n' ? text : text + "\n";
}

std::string LocalTimeText(int64_t seconds) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(std::time_t{seconds}));
}

}  // namespace breakwater::lua
