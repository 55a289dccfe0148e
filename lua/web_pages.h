// Pages of the web server that Lua answers: registerWebHandler(path, function(req, resp)). Called
// by the thread of the web server, under the lock of the guarded state, and stopped when they take
// more than setLuaBudget allows.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "lua/bindings.h"
#include "proxy/base/guarded.h"
#include "proxy/control/web_message.h"

namespace breakwater::lua {

// Functions by path; any thread.
class WebPages {
 public:
  // Where registerWebHandler() of this interpreter puts them; must outlive its last call.
  void Install(lua_State* state);
  // Takes the place of one of that path.
  void Set(const std::string& path, const LuaFunction& function);
  // None where the path has no function; then the state is not touched. A function that fails is a
  // 500, counted and logged; what it says is not told to the client.
  std::optional<WebResponse> Answer(Runtime& runtime, const WebRequest& request) const;

 private:
  mutable Guarded<std::map<std::string, LuaFunction>> pages_;
};

const ClassRow& WebRequestClass();
const ClassRow& WebResponseClass();
FunctionPage WebFunctions();

}  // namespace breakwater::lua
