// Names and values of HTTP headers from a table of Lua.
#pragma once

#include <string>

#include "lua/lua_args.h"
#include "proxy/query/http_exchange.h"

namespace breakwater::lua {

// {name=value}: names become lower case. Fails for what could not stand in a header.
struct HttpHeadersArg {
  HttpHeaders headers;
};
template <>
struct Reader<HttpHeadersArg> {
  static constexpr const char* kExpected = "table of headers";
  static bool Accepts(lua_State* state, int index) { return IsTable(state, index); }
  static TextResult<HttpHeadersArg> Read(Call& call, int index);
};

}  // namespace breakwater::lua
