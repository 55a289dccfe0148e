#include "proxy/rules/actions/http_actions.h"

#include <utility>

#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/simple_action.h"

namespace breakwater {

ActionPtr MakeHttpStatusAction(HttpAnswer answer) {
  std::string text = "return an HTTP status of " + std::to_string(answer.status);
  return MakeSimpleAction(std::move(text),
                          [answer = std::move(answer)](Query& query, RuleContext& context) {
                            if (query.http == nullptr) return Flow::kContinue;
                            AnswerShape shape;
                            shape.flags = answer.flags;
                            if (!MakeAnswer(query, SelfAnswersOf(context), shape))
                              return Flow::kContinue;
                            query.http->status = answer.status;
                            query.http->body = answer.body;
                            query.http->content_type = answer.content_type;
                            return Flow::kAnswer;
                          });
}

}  // namespace breakwater
