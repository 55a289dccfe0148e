// The text of showRules() and topRules(), in dnsdist's columns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace breakwater {

struct RuleTableOptions {
  bool show_uuids = false;       // two more columns: UUID and order of creation
  int truncate_rule_width = -1;  // characters of the rule's text; -1: all
};

class RuleTable {
 public:
  struct Row {
    std::string_view name, uuid;
    uint64_t creation_order = 0;
    uint64_t matches = 0;
    std::string rule;
    std::string action;
  };
  explicit RuleTable(const RuleTableOptions& options);
  void Add(const Row& row);
  const std::string& text() const { return text_; }

 private:
  RuleTableOptions options_;
  size_t rows_ = 0;
  std::string text_;
};

}  // namespace breakwater
