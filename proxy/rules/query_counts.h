// How often each name was asked for (setQueryCount), as dnsdist 1.7 counts: in one table for all
// workers, behind a lock, and not more than kMost names.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/guarded.h"

namespace breakwater {

struct Query;
struct RuleContext;

// Any thread.
class QueryCounts {
 public:
  static constexpr size_t kMost = 100'000;
  static constexpr size_t kMostText = 1024;  // octets of a name that a filter gives; more are cut

  // False where the table is full and the name is not in it.
  bool Add(std::string_view name);
  void Clear();
  size_t size() const;
  // The names asked for most, at most that many.
  std::vector<std::pair<std::string, uint64_t>> Top(size_t most) const;

 private:
  Guarded<absl::flat_hash_map<std::string, uint64_t>> counts_;
};

struct QueryCountSettings {
  // The name that a query counts for; nothing: it does not count.
  using Filter = std::function<std::optional<std::string>(Query&, RuleContext&)>;
  bool enabled = false;
  Filter filter;  // empty: each counts for the name it asks for
  // Never null; one for the life of the program.
  std::shared_ptr<QueryCounts> counts = std::make_shared<QueryCounts>();
};

// On the worker; settings.enabled holds.
void CountQuery(const QueryCountSettings& settings, Query& query, RuleContext& context);

}  // namespace breakwater
