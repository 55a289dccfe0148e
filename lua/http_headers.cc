#include "lua/http_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "lua/lua_function.h"
#include "proxy/base/text.h"

namespace breakwater::lua {
namespace {

bool IsNameChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}
bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}
// These are written by whoever writes the message.
bool IsReserved(std::string_view name) {
  return name == "content-length" || name == "connection" || name == "transfer-encoding";
}

}  // namespace

TextResult<HttpHeadersArg> Reader<HttpHeadersArg>::Read(Call& call, int index) {
  lua_State* const state = call.state();
  if (!IsTable(state, index)) return Fail(TypeError(call, index, kExpected));
  HttpHeadersArg read;
  std::string problem;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    const std::string name = ToLowerAscii(PlainText(state, -2));
    std::string value = PlainText(state, -1);
    lua_pop(state, 1);
    if (name.empty() || !std::all_of(name.begin(), name.end(), IsNameChar)) {
      problem = fmt::format("'{}' is no name of a header", name);
    } else if (IsReserved(name)) {
      problem = fmt::format("header '{}' cannot be set", name);
    } else if (std::any_of(value.begin(), value.end(), IsControl)) {
      problem = fmt::format("header '{}': a value has no line ends and control characters", name);
    }
    read.headers.emplace_back(name, std::move(value));
  }
  if (!problem.empty()) return Fail(std::move(problem));
  std::sort(read.headers.begin(), read.headers.end());  // tables have no order
  return read;
}

}  // namespace breakwater::lua
