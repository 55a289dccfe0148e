#include "proxy/cache/sweeper.h"

#include <utility>
#include <vector>

namespace breakwater {
namespace {

// Older than this an entry goes even where stale ones are kept: the serial numbers of its times
// would soon mean something else.
constexpr uint32_t kOldest_ms = 23u * 86400u * 1000u;

}  // namespace

size_t Sweeper::Run(const Step& step) {
  if (!in_pass_) {
    store_.flushes().BeginPass(step.now);
    in_pass_ = true;
    position_ = {};
  }
  size_t removed = 0;
  for (size_t looked_at = 0; looked_at < step.max_slots; looked_at += kScanStep) {
    const bool more = store_.ScanStep(position_, removed,
                                      [&](CacheEntry& entry) { return ShouldGo(entry, step); });
    if (more) continue;
    in_pass_ = false;
    store_.flushes().EndPass();
    store_.cleanup_count().fetch_add(1, std::memory_order_relaxed);
    FreeOldFlushes();
    break;
  }
  return removed;
}

bool Sweeper::ShouldGo(CacheEntry& entry, const Step& step) const {
  const SerialMs now = ToSerial(step.now);
  // Not IsGone(): a flush whose time is over is looked at once more, and then for good.
  const bool gone = store_.IsGoneSlowly(entry, store_.flushes().epoch());
  const bool kept = step.keep_stale || entry.IsLastGood(step.now);
  const bool expired = !entry.IsFresh(now) && (!kept || entry.AgeMs(now) >= kOldest_ms);
  return gone || expired;
}

void Sweeper::FreeOldFlushes() {
  std::vector<FlushTable::Garbage> garbage;
  for (;;) {
    garbage.push_back(store_.flushes().TakeGarbage(kFlushesAtATime));
    if (garbage.back().empty()) break;
  }
  if (garbage.size() == 1) return;
  // Readers walk the flush table with a shard's lock held. After each lock was held once, nobody
  // can still see what was taken out, and it is freed with `garbage`.
  for (size_t i = 0; i < store_.shard_count(); ++i) {
    const ShardGuard guard(store_.shard(i).lock());
  }
}

}  // namespace breakwater
