#include "lua/proxy_values.h"

#include <algorithm>

#include "lua/lua_function.h"
#include "proxy/query/proxy_values.h"

namespace breakwater::lua {

TextResult<ProxyValuesArg> Reader<ProxyValuesArg>::Read(Call& call, int index) {
  lua_State* const state = call.state();
  if (!Accepts(state, index)) return Fail(TypeError(call, index, kExpected));
  ProxyValuesArg read;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    const int top = lua_gettop(state);
    auto type = Reader<uint8_t>::Read(call, top - 1);
    auto value = Reader<std::string>::Read(call, top);
    lua_pop(state, 1);
    if (!type || !value) {
      lua_pop(state, 1);
      return Fail(std::move(type ? value.error() : type.error()));
    }
    read.values.emplace_back(*type, std::move(*value));
  }
  std::sort(read.values.begin(), read.values.end());
  return read;
}

Pushed GetProxyValues(Call& call, const QuestionView& view) {
  // A copy: what allocates may run finalizers, and these change the values.
  const ProxyValues values = ProxyValuesOf(*view.query);
  lua_newtable(call.state());
  for (const auto& [type, value] : values) {
    Push(call.state(), value);
    lua_rawseti(call.state(), -2, type);
  }
  return {1};
}

void SetValues(QuestionView& view, const ProxyValuesArg& values) {
  SetProxyValues(*view.query, values.values);
}

void AddValue(QuestionView& view, uint8_t type, const std::string& value) {
  AddProxyValue(*view.query, type, value);
}

}  // namespace breakwater::lua
