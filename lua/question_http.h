// The HTTP side of dq: what was asked, and what is to be answered in HTTP itself.
#pragma once

#include <string>

#include "lua/lua_args.h"
#include "lua/question_view.h"

namespace breakwater::lua {

Pushed GetHttpHeaders(Call& call, const QuestionView& v);
std::string GetHttpHost(const QuestionView& v);
std::string GetHttpPath(const QuestionView& v);
std::string GetHttpQuery(const QuestionView& v);
std::string GetHttpScheme(const QuestionView& v);
// What it is answered with over HTTPS; nothing for a query that came another way. An error for what
// is no status of an answer, and for a body of more than kMaxHttpBody.
struct HttpAnswer {
  int64_t status;
  std::string_view body;
  std::string_view content_type;
};
TextResult<void> AnswerHttp(Query& query, const HttpAnswer& answer);
TextResult<void> SetHttpResponse(QuestionView& v, uint16_t status, const std::string& body,
                                 const std::optional<std::string>& content_type);

}  // namespace breakwater::lua
