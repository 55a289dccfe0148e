// What is done about dynamic blocks as time goes by: those past their time are taken out, and
// those that meet most queries are listed for /metrics. The control thread's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "proxy/guard/dyn_block_table.h"

namespace breakwater {

class DynBlockKeeper {
 public:
  explicit DynBlockKeeper(std::shared_ptr<DynBlockTable> table) : table_(std::move(table)) {}
  const std::shared_ptr<DynBlockTable>& table() const { return table_; }

  // Each second.
  void Step(const DynBlockSettings& settings, MonoTime now);

  static constexpr MonoTime kOffendersEvery = MonoTime::FromSeconds(10);
  static constexpr size_t kOffendersPerReason = 20;

 private:
  // Hits at the last look, by the block's counter: a block made anew has another.
  using Hits = std::unordered_map<const SharedCounter*, uint64_t>;
  void ListOffenders(MonoTime now);

  std::shared_ptr<DynBlockTable> table_;
  MonoTime purged_at_;
  MonoTime listed_at_;
  Hits hits_;
  // The blocks these counters belong to: so that no other takes the address of one.
  std::shared_ptr<const DynBlockSnapshot> listed_;
};

}  // namespace breakwater
