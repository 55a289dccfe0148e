#include "proxy/rules/response_actions/flow_response_actions.h"

#include <fmt/format.h>

#include "proxy/dns/rewrite.h"
#include "proxy/rules/actions/simple_action.h"

namespace breakwater {

ResponseActionPtr MakeAllowResponseAction() {
  return MakeSimpleResponseAction("allow", [](Query&, RuleContext&) { return Flow::kStop; });
}

ResponseActionPtr MakeDropResponseAction() {
  return MakeSimpleResponseAction("drop", [](Query&, RuleContext&) { return Flow::kDrop; });
}

ResponseActionPtr MakeDelayResponseAction(uint32_t delay_ms) {
  return MakeSimpleResponseAction(fmt::format("delay by {} msec", delay_ms),
                                  [delay_ms](Query& query, RuleContext&) {
                                    query.delay_ms = delay_ms;
                                    return Flow::kContinue;
                                  });
}

ResponseActionPtr MakeTcResponseAction() {
  return MakeSimpleResponseAction("tc=1 answer", [](Query& query, RuleContext&) {
    if (query.tcp()) return Flow::kContinue;
    dns::EditBuffer buffer = query.edit();
    dns::TruncateAnswer(buffer, query.records_start());
    query.Take(buffer);
    return Flow::kStop;
  });
}

}  // namespace breakwater
