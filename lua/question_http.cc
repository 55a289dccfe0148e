#include "lua/question_http.h"

#include <fmt/format.h>

#include "lua/lua_function.h"
#include "proxy/rules/actions/http_actions.h"

namespace breakwater::lua {
namespace {

std::string TextOf(const QuestionView& v, std::string HttpExchange::*member) {
  const HttpExchange* http = v.query->http.get();
  return http == nullptr ? std::string() : http->*member;
}

}  // namespace

Pushed GetHttpHeaders(Call& call, const QuestionView& v) {
  const HttpExchange* const http = v.query->http.get();
  // A copy: what allocates may run finalizers, and these end a held query.
  const auto headers = http == nullptr ? decltype(http->headers)() : http->headers;
  lua_newtable(call.state());
  for (const auto& [name, value] : headers) {
    Push(call.state(), value);
    lua_setfield(call.state(), -2, name.c_str());
  }
  return {1};
}
std::string GetHttpHost(const QuestionView& v) {
  return TextOf(v, &HttpExchange::host);
}
std::string GetHttpPath(const QuestionView& v) {
  return TextOf(v, &HttpExchange::path);
}
std::string GetHttpQuery(const QuestionView& v) {
  return TextOf(v, &HttpExchange::query);
}
std::string GetHttpScheme(const QuestionView& v) {
  return TextOf(v, &HttpExchange::scheme);
}

TextResult<void> AnswerHttp(Query& query, const HttpAnswer& answer) {
  if (answer.status < 200 || answer.status > 599) {
    return Fail(fmt::format("{} is no status of HTTP", answer.status));
  }
  if (answer.body.size() > kMaxHttpBody) {
    return Fail(fmt::format("a body of {} bytes, at most {}", answer.body.size(), kMaxHttpBody));
  }
  HttpExchange* const http = query.http.get();
  if (http == nullptr) return {};
  http->status = static_cast<uint16_t>(answer.status);
  http->body = answer.body;
  http->content_type = answer.content_type;
  return {};
}

TextResult<void> SetHttpResponse(QuestionView& v, uint16_t status, const std::string& body,
                                 const std::optional<std::string>& content_type) {
  return AnswerHttp(*v.query, {status, body, content_type ? *content_type : std::string_view()});
}

}  // namespace breakwater::lua
