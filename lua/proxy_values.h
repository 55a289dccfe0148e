// Values of the PROXY protocol as tables from types to texts, and the methods of dq about them.
#pragma once

#include <string>

#include "lua/question_view.h"
#include "proxy/net/proxy_protocol.h"

namespace breakwater::lua {

// {[0xE0]="text"}: kept in the order of their types.
struct ProxyValuesArg {
  ProxyValues values;
};
template <>
struct Reader<ProxyValuesArg> {
  static constexpr const char* kExpected = "table from types to texts";
  static bool Accepts(lua_State* state, int index) { return IsTable(state, index); }
  static TextResult<ProxyValuesArg> Read(Call& call, int index);
};

Pushed GetProxyValues(Call& call, const QuestionView& view);
void SetValues(QuestionView& view, const ProxyValuesArg& values);
void AddValue(QuestionView& view, uint8_t type, const std::string& value);

}  // namespace breakwater::lua
