#include "proxy/rules/query_counts.h"

#include <algorithm>

#include "proxy/query/query.h"
#include "proxy/rules/rule_context.h"

namespace breakwater {

bool QueryCounts::Add(std::string_view name) {
  const std::string key(name.substr(0, kMostText));
  return counts_.With([&](auto& counts) {
    if (counts.size() >= kMost && !counts.contains(key)) return false;
    ++counts[key];
    return true;
  });
}

void QueryCounts::Clear() {
  counts_.With([](auto& counts) { counts = {}; });
}

size_t QueryCounts::size() const {
  return counts_.With([](const auto& counts) { return counts.size(); });
}

std::vector<std::pair<std::string, uint64_t>> QueryCounts::Top(size_t most) const {
  auto list = counts_.With([](const auto& counts) {
    return std::vector<std::pair<std::string, uint64_t>>(counts.begin(), counts.end());
  });
  const auto end = list.begin() + static_cast<ptrdiff_t>(std::min(most, list.size()));
  std::partial_sort(list.begin(), end, list.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  list.erase(end, list.end());
  return list;
}

void CountQuery(const QueryCountSettings& settings, Query& query, RuleContext& context) {
  std::optional<std::string> name;
  if (settings.filter) {
    name = settings.filter(query, context);
    if (!name) return;
  } else {
    // As dnsdist spells names in logs: without the last dot.
    name = query.NameCopy().ToStringNoDot();
    if (name->empty()) name->push_back('.');
  }
  if (!settings.counts->Add(*name)) context.counters.Add(Metric::kQueryCountFull);
}

}  // namespace breakwater
