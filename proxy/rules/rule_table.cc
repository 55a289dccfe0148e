#include "proxy/rules/rule_table.h"

#include <fmt/format.h>

namespace breakwater {

RuleTable::RuleTable(const RuleTableOptions& options) : options_(options) {
  if (options_.show_uuids) {
    text_ = fmt::format("{:<3} {:<30} {:<38} {:>9} {:>9} {:<56} {}\n", "#", "Name", "UUID",
                        "Cr. Order", "Matches", "Rule", "Action");
  } else {
    text_ = fmt::format("{:<3} {:<30} {:>9} {:<56} {}\n", "#", "Name", "Matches", "Rule", "Action");
  }
}

void RuleTable::Add(const Row& row) {
  std::string_view rule = row.rule;
  if (options_.truncate_rule_width >= 0) {
    rule = rule.substr(0, static_cast<size_t>(options_.truncate_rule_width));
  }
  if (options_.show_uuids) {
    text_ += fmt::format("{:<3} {:<30} {:<38} {:>9} {:>9} {:<56} {}\n", rows_, row.name, row.uuid,
                         row.creation_order, row.matches, rule, row.action);
  } else {
    text_ += fmt::format("{:<3} {:<30} {:>9} {:<56} {}\n", rows_, row.name, row.matches, rule,
                         row.action);
  }
  ++rows_;
}

}  // namespace breakwater
