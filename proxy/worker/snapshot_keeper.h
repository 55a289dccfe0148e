// Keeps the caches on disk (setCacheSnapshot, cache/cache_snapshot.h) on a thread of its own: reads
// the file at start, writes it at the interval and at a clean stop. After a flush it writes soon,
// so that what was flushed does not come back after a crash, and notes hard flushes beside it until
// it has (cache/flush_journal.h); never for more than a twentieth of the time, and not before ten
// seconds are over.
//
// Made and started on the main thread after privileges were dropped: the file belongs to the user
// that the program runs as, and so must its directory be writable for that user.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "proxy/backend/zone_health.h"
#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/base/log.h"
#include "proxy/cache/cache_snapshot.h"
#include "proxy/cache/flush_journal.h"
#include "proxy/config/config.h"
#include "proxy/observe/metrics.h"

namespace breakwater {

class SnapshotKeeper {
 public:
  static constexpr MonoTime kSoonest = MonoTime::FromSeconds(10);
  static constexpr int kRestPerWork = 20;

  // `zones` learns those of the entries that come back. Both outlive it.
  SnapshotKeeper(const Clock& clock, ZoneHealth& zones) : clock_(clock), zones_(zones) {}
  ~SnapshotKeeper();

  // Opens the list of hard flushes; Start() does, before the thread. Main thread.
  void OpenJournal();
  // Begins to read, where the configuration has a snapshot.
  void Start(ConfigPtr config);
  // Until the file was read, or `patience` is over; the reading goes on then.
  void AwaitLoaded(MonoTime patience);
  // Any thread.
  void UseConfig(ConfigPtr config);
  // Ends the thread and writes for the last time; the workers have stopped.
  void Stop();
  // What happened since the last call, into the counters of the calling thread.
  void Count(Counters& counters);

  // --- the thread's steps; for tests without one
  void Load();
  // Writes where it is time to.
  void Step();

 private:
  void Run();
  void Write(SnapshotOccasion occasion);
  bool IsDue(const Config& config);
  uint64_t Epochs(const Config& config) const;
  ConfigPtr config() const;
  void Listen(const Config& config);
  void ForgetFlushes(size_t mark);

  const Clock& clock_;
  ZoneHealth& zones_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  ConfigPtr config_;     // guarded by mutex_
  bool loaded_ = false;  // guarded by mutex_
  std::atomic<bool> stopping_{false};
  std::thread thread_;

  // --- of the thread that does the work
  MonoTime next_;     // by the interval
  MonoTime soonest_;  // and after a flush
  uint64_t written_epochs_ = 0;

  // Shared with the caches, which tell it of flushes. Null: there is no snapshot.
  std::shared_ptr<FlushJournal> journal_;
  LogLimiter journal_notes_;

  SharedCounter written_, errors_, entries_, flushes_;
  uint64_t told_written_ = 0, told_errors_ = 0, told_entries_ = 0, told_flushes_ = 0;
  uint64_t told_lost_ = 0;
};

}  // namespace breakwater
