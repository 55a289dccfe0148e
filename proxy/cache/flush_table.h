// Flushes that take effect in constant time (FEATURES.md, 2; MECHANISMS.md, 3): a flush writes a
// record and raises the epoch; an entry that was asked for earlier is checked against the records
// on its next hit.
//
// Threads: Flush, Undo, StatusOf from any, under a mutex. Judge without it, by whoever holds the
// lock of a cache shard. Record chains only ever grow at their head while readers may walk them;
// what the sweeper takes out it frees after it has held every shard's lock once more, for then
// nobody can still be walking over it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/dns/name.h"
#include "proxy/dns/types.h"

namespace breakwater {

struct FlushRequest {
  dns::Name name;
  std::optional<dns::Type> type{};  // none: every type
  bool suffix = false;              // the name and all below it; the root with suffix is everything
  bool hard = false;                // gone at once, cannot be undone
};

using FlushId = uint64_t;

// kUnknown: no such flush, or it can no longer be undone because its time is over.
enum class UndoResult : uint8_t { kUndone, kUnknown, kSuperseded, kHard };

struct FlushStatus {
  FlushId id = 0;
  FlushRequest request;
  bool undone = false;
  bool swept = false;  // `matched` is final once the sweeper has passed
  // Entries it applied to. Where a later flush of the same name comes before the sweeper has
  // passed, the rest is counted there.
  uint64_t matched = 0;
};

// Later in serial arithmetic: 32 bits may wrap.
inline bool EpochIsLater(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b) > 0;
}

struct FlushSubject {
  std::span<const uint8_t> name;  // wire form, any case
  dns::Type type{};
  uint32_t asked_epoch = 0;
  uint32_t checked_epoch = 0;
  uint32_t now = 0;  // epoch() of a moment ago
};

struct FlushVerdict {
  bool gone = false;       // a hard flush
  bool settled = false;    // a soft one that can no longer be undone
  bool due = false;        // a soft flush
  bool newly_due = false;  // one that came after the last look
};

struct FlushLimits {
  MonoTime undo_window = MonoTime::FromSeconds(3600);
  size_t max_flushes = 1'000'000;  // older ones than so many cannot be undone
};

// What one caller holds of the flushes that a table remembers, and how many it may. A named caller
// may hold as many as are left for all others: alone half of them, two a third each, so that none
// takes the table away from the rest, and nobody has to say in advance how many callers there are.
// Without a name: whatever is left.
struct FlushShare {
  uint64_t held = 0;
  uint64_t most = 0;
  bool IsUsedUp() const { return held >= most; }
};

class FlushTable {
 public:
  explicit FlushTable(const FlushLimits& limits);
  ~FlushTable();
  FlushTable(const FlushTable&) = delete;
  FlushTable& operator=(const FlushTable&) = delete;

  uint32_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  // Answers asked for at an earlier epoch must not be stored: a flush that may concern them is
  // no longer held. Read under the shard's lock.
  uint32_t oldest_storable_epoch() const { return floor_.load(std::memory_order_acquire); }

  // Counts to the share of `caller`, but refuses nothing: ShareOf() is asked before.
  FlushId Flush(const FlushRequest& request, MonoTime now, std::string_view caller = {});
  FlushShare ShareOf(std::string_view caller) const;
  UndoResult Undo(FlushId id);
  std::optional<FlushStatus> StatusOf(FlushId id) const;
  bool empty() const;
  bool AllSwept() const;  // the sweeper has passed since the last flush
  uint64_t flush_count() const { return flush_count_.load(std::memory_order_relaxed); }

  // What the flushes say of an entry. The caller holds the shard's lock.
  FlushVerdict Judge(const FlushSubject& subject) const;

  // The newest of the flushes that Judge goes by; an id of 0 where there is none. Counts nothing.
  struct Cause {
    FlushId id = 0;
    uint32_t epoch = 0;
  };
  Cause CauseOf(const FlushSubject& subject) const;

  // The sweeper's, one thread at a time. A pass looks at every entry of the cache between
  // BeginPass and EndPass; then the flushes whose time was over when it began are taken out, some
  // at a time, until TakeGarbage gives nothing. What it gives is freed by destroying it, after
  // every shard's lock was held once.
  struct Record;
  struct State;
  struct Garbage {
    Garbage();
    Garbage(Garbage&&) noexcept;
    Garbage& operator=(Garbage&&) noexcept;
    ~Garbage();
    bool empty() const;
    std::vector<std::unique_ptr<Record>> records;
    std::vector<std::unique_ptr<State>> states;
  };
  void BeginPass(MonoTime now);
  void EndPass();
  Garbage TakeGarbage(size_t max_states);

 private:
  // Records by {suffix, typed}; each kind has its own mask, so that a hit probes for none that
  // is not there.
  static constexpr size_t kKinds = 4;
  static constexpr size_t kMaxDepth = 128;
  static constexpr size_t kBuckets = 65536;
  using Bucket = std::atomic<Record*>;
  struct Masks {
    std::array<std::atomic<uint64_t>, 2> depths{};
    bool Has(size_t depth) const {
      return (depths[depth / 64].load(std::memory_order_acquire) >> (depth % 64) & 1) != 0;
    }
  };

  Record* FindRecord(uint64_t hash, size_t kind, std::span<const uint8_t> name,
                     dns::Type type) const;
  Record* MakeRecord(const FlushRequest& request) BW_REQUIRES(mutex_);
  void RemoveRecord(Record* record, Garbage& garbage) BW_REQUIRES(mutex_);
  State* FindState(FlushId id) const BW_REQUIRES(mutex_);
  void Publish() BW_REQUIRES(mutex_);
  template <typename Visit>
  void VisitRecords(const FlushSubject& subject, Visit&& visit) const;
  void Apply(const Record& record, const FlushSubject& subject, FlushVerdict& verdict) const;

  const FlushLimits limits_;
  std::atomic<uint32_t> epoch_{1};
  std::atomic<uint32_t> floor_{0};
  std::atomic<uint32_t> drop_epoch_{0};  // flushes up to this are dropped after the pass
  std::atomic<bool> dropping_{false};
  std::atomic<uint64_t> flush_count_{0};
  std::array<Masks, kKinds> masks_;
  std::atomic<Bucket*> buckets_{nullptr};  // made by the first flush

  mutable Mutex mutex_;
  std::unique_ptr<Bucket[]> bucket_memory_ BW_GUARDED_BY(mutex_);
  std::array<std::array<uint32_t, kMaxDepth>, kKinds> depth_counts_ BW_GUARDED_BY(mutex_){};
  std::deque<std::unique_ptr<State>> states_ BW_GUARDED_BY(mutex_);  // by id
  // Callers by name, with how many of `states_` are theirs; those with none are left out.
  std::map<std::string, uint64_t, std::less<>> held_ BW_GUARDED_BY(mutex_);
  FlushId drop_through_ BW_GUARDED_BY(mutex_) = 0;  // these cannot be undone any more
  uint64_t passes_begun_ BW_GUARDED_BY(mutex_) = 0;
  uint64_t passes_ended_ BW_GUARDED_BY(mutex_) = 0;
};

}  // namespace breakwater
