// Answers with records made up here: what SpoofAction and its relatives do, and dq:spoof in Lua.
// All turn the query into the answer and return true, or change nothing and return false (no
// record fits the question's type, or the answer would be too large).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "proxy/base/address.h"
#include "proxy/dns/name.h"
#include "proxy/query/self_answer.h"
#include "proxy/rules/rule_context.h"

namespace breakwater {

struct SpoofOptions {
  AnswerFlags flags = {};
  uint32_t ttl = 60;
  // Raw data only: the record's type where the question is ANY.
  std::optional<dns::Type> type_for_any = std::nullopt;
};

// A and AAAA records in random order; addresses that do not fit the question's type are left out.
bool SpoofAddresses(Query& query, RuleContext& context, std::span<const Address> addresses,
                    const SpoofOptions& options);
bool SpoofCname(Query& query, RuleContext& context, const dns::Name& target,
                const SpoofOptions& options);
// Each string is the RDATA of one record of the question's type; in random order.
bool SpoofRaw(Query& query, RuleContext& context, std::span<const std::string> rdata,
              const SpoofOptions& options);

}  // namespace breakwater
