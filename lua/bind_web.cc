// Pages of the web server in Lua: the request, the response, registerWebHandler.
#include <fmt/format.h>

#include "lua/http_headers.h"
#include "lua/web_pages.h"
#include "proxy/base/text.h"

namespace breakwater::lua {

template <>
struct LuaClass<WebRequest> {
  static constexpr const char* kName = "WebRequest";
};
template <>
struct LuaClass<WebResponse> {
  static constexpr const char* kName = "WebResponse";
};

namespace {

constexpr char kPagesKey = 0;          // its address is the key in the registry
constexpr size_t kMaxBody = 16 << 20;  // of an answer

Pushed PushFields(Call& call, const WebFields& fields) {
  lua_newtable(call.state());
  for (const auto& [name, value] : fields) {
    Push(call.state(), name);
    Push(call.state(), value);
    lua_rawset(call.state(), -3);
  }
  return {1};
}

template <auto Member>
std::string TextOf(const WebRequest& request) {
  return request.*Member;
}
template <auto Member>
Pushed FieldsOf(Call& call, const WebRequest& request) {
  return PushFields(call, request.*Member);
}
int Version(const WebRequest& request) {
  return request.version;
}
Pushed FormOf(Call& call, const WebRequest& request) {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  const bool form = ToLowerAscii(request.Header("content-type")).starts_with(kForm);
  return PushFields(call, form ? ParseForm(request.body) : WebFields());
}

constexpr AttributeRow kRequestAttributes[] = {
    {"body", Bind<&TextOf<&WebRequest::body>>, nullptr, "What came after the headers."},
    {"getvars", Bind<&FieldsOf<&WebRequest::arguments>>, nullptr,
     "What stood after the '?' of the URL, decoded, by name."},
    {"headers", Bind<&FieldsOf<&WebRequest::headers>>, nullptr,
     "Values of the headers by name, names in lower case."},
    {"method", Bind<&TextOf<&WebRequest::method>>, nullptr, "The method of HTTP: \"GET\"."},
    {"path", Bind<&TextOf<&WebRequest::path>>, nullptr, "Without what stands after a '?'."},
    {"postvars", Bind<&FormOf>, nullptr, "The fields of a form in the body, decoded, by name."},
    {"version", Bind<&Version>, nullptr, "11: HTTP/1.1, 10: HTTP/1.0."},
};
const ClassRow kRequestClass = {"WebRequest",
                                {},
                                kRequestAttributes,
                                nullptr,
                                nullptr,
                                nullptr,
                                nullptr,
                                "What a page in Lua is asked."};

std::string Body(const WebResponse& response) {
  return response.body;
}
TextResult<void> SetBody(WebResponse& response, const std::string& body) {
  if (body.size() > kMaxBody) {
    return Fail(fmt::format("a body of {} bytes, at most {}", body.size(), kMaxBody));
  }
  response.body = body;
  return {};
}
unsigned Status(const WebResponse& response) {
  return response.status;
}
TextResult<void> SetStatus(WebResponse& response, unsigned status) {
  if (status < 200 || status > 599) {
    return Fail(fmt::format("{} is no status of HTTP, 200 to 599", status));
  }
  response.status = status;
  return {};
}
Pushed Headers(Call& call, const WebResponse& response) {
  return PushFields(call, response.headers);
}
void SetHeaders(WebResponse& response, const HttpHeadersArg& headers) {
  response.headers = headers.headers;
}

constexpr AttributeRow kResponseAttributes[] = {
    {"body", Bind<&Body>, Bind<&SetBody>, "At most 16 MB."},
    {"headers", Bind<&Headers>, Bind<&SetHeaders>,
     "A table of values by name; what is read is a copy: assign a whole table."},
    {"status", Bind<&Status>, Bind<&SetStatus>, "Of HTTP; 200 where nothing is assigned."},
};
const ClassRow kResponseClass = {
    "WebResponse", {},      kResponseAttributes,          nullptr, nullptr,
    nullptr,       nullptr, "What a page in Lua answers."};

TextResult<void> RegisterPage(Call& call, const std::string& path, const LuaFunction& function) {
  if (!path.starts_with('/')) {
    return Fail(fmt::format("a path begins with '/', '{}' does not", path));
  }
  lua_rawgetp(call.state(), LUA_REGISTRYINDEX, &kPagesKey);
  auto* const pages = static_cast<WebPages*>(lua_touserdata(call.state(), -1));
  lua_pop(call.state(), 1);
  pages->Set(path, function);
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"registerWebHandler", Bind<&RegisterPage>, "registerWebHandler(path, handler)",
     "Has handler(req, resp) answer GET requests for exactly that path of the web server, a page "
     "of "
     "its own included. Who may ask is decided as for other pages; setLuaBudget is its limit."},
};

}  // namespace

void WebPages::Install(lua_State* state) {
  lua_pushlightuserdata(state, this);
  lua_rawsetp(state, LUA_REGISTRYINDEX, &kPagesKey);
}

void WebPages::Set(const std::string& path, const LuaFunction& function) {
  pages_.With([&](auto& pages) { pages.insert_or_assign(path, function); });
}

std::optional<WebResponse> WebPages::Answer(Runtime& runtime, const WebRequest& request) const {
  const LuaFunction function = pages_.With([&](const auto& pages) {
    const auto found = pages.find(request.path);
    return found == pages.end() ? LuaFunction() : found->second;
  });
  if (!function) return std::nullopt;
  Entry entry(runtime, Place::kScript);
  WebResponse failure{.status = 500,
                      .body = "Internal Server Error\n",
                      .content_type = "text/plain",
                      .headers = {}};
  if (runtime.closed()) return failure;
  const auto response = std::make_shared<WebResponse>();
  function.Push(entry.state());
  PushNew<WebRequest>(entry.state(), request);
  PushObject(entry.state(), response);
  LimitedCall call{.arguments = 2};
  const auto ran = CallWithin(entry.state(), runtime.limits(), call);
  if (ran) return *response;
  runtime.CountFailure(call, fmt::format("the web handler of {}", request.path), ran.error());
  return failure;
}

const ClassRow& WebRequestClass() {
  return kRequestClass;
}
const ClassRow& WebResponseClass() {
  return kResponseClass;
}
FunctionPage WebFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
