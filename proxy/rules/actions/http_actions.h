// What rules answer in HTTP itself, in place of a DNS message.
#pragma once

#include <string>

#include "proxy/query/self_answer.h"
#include "proxy/rules/action.h"

namespace breakwater {

struct HttpAnswer {
  uint16_t status = 200;
  std::string body;          // of a 3xx the place to go to
  std::string content_type;  // of a 200; empty: application/dns-message
  AnswerFlags flags;
};
inline constexpr size_t kMaxHttpBody = 65535;

// A query that did not come over HTTPS goes on to the next rule.
ActionPtr MakeHttpStatusAction(HttpAnswer answer);

}  // namespace breakwater
