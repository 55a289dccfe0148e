#include "proxy/rules/response_actions/record_response_actions.h"

#include <fmt/format.h>

#include "proxy/dns/rewrite.h"
#include "proxy/rules/actions/simple_action.h"

namespace breakwater {
namespace {

std::string Names(const std::vector<dns::Type>& types) {
  std::string text;
  for (const dns::Type type : types) {
    if (!text.empty()) text += ", ";
    text += dns::TypeName(type);
  }
  return text;
}

ResponseActionPtr LimitTtl(std::string text, dns::TtlLimits limits, std::vector<dns::Type> types) {
  return MakeSimpleResponseAction(
      std::move(text), [limits, types = std::move(types)](Query& query, RuleContext&) {
        dns::TtlLimits with_types = limits;
        with_types.types = types;
        // A broken message is the next step's business.
        (void)dns::LimitTtls(query.message(), query.records_start(), with_types);
        return Flow::kContinue;
      });
}

}  // namespace

ResponseActionPtr MakeSetMinTtlResponseAction(uint32_t min) {
  return LimitTtl(fmt::format("limit ttl to {} <= ttl", min), {min, UINT32_MAX, {}}, {});
}

ResponseActionPtr MakeSetMaxTtlResponseAction(uint32_t max) {
  return LimitTtl(fmt::format("limit ttl to ttl <= {}", max), {0, max, {}}, {});
}

ResponseActionPtr MakeLimitTtlResponseAction(uint32_t min, uint32_t max,
                                             std::vector<dns::Type> types) {
  std::string text = fmt::format("limit ttl to {} <= ttl <= {}", min, max);
  if (!types.empty()) text += " for " + Names(types);
  return LimitTtl(std::move(text), {min, max, {}}, std::move(types));
}

TextResult<ResponseActionPtr> MakeSetReducedTtlResponseAction(uint32_t percent) {
  if (percent > 100) {
    return Fail(fmt::format("a TTL can be reduced to 0 to 100 percent, not to {}", percent));
  }
  return MakeSimpleResponseAction(fmt::format("reduce ttl to {} percent of its value", percent),
                                  [percent](Query& query, RuleContext&) {
                                    (void)dns::ReduceTtls(query.message(), query.records_start(),
                                                          percent);
                                    return Flow::kContinue;
                                  });
}

ResponseActionPtr MakeClearRecordTypesResponseAction(std::vector<dns::Type> types) {
  std::string text = "clear records of type " + Names(types);
  return MakeSimpleResponseAction(std::move(text),
                                  [types = std::move(types)](Query& query, RuleContext&) {
                                    dns::EditBuffer buffer = query.edit();
                                    if (dns::ClearRecordTypes(buffer, query.records_start(), types))
                                      query.Take(buffer);
                                    return Flow::kContinue;
                                  });
}

}  // namespace breakwater
