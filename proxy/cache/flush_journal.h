// The hard flushes that came after the snapshot on disk was written, beside it (PATH.flushes):
// after a crash they are made anew, so that what was meant to be gone does not come back with it.
//
// Lines of text, each with a checksum: SUM NAME [TYPE] [suffix] hard, and the pools whose cache it
// was made in. Appended with one write(2) when the flush holds, before Flush() returns: a process
// that is killed loses none. A thread of its own syncs what was written at once, so that a machine
// that loses its power loses what came within a moment; for workers (a rule in Lua that flushes),
// it writes as well. Locked: two processes do not write into one another's. Bounded; what is beyond
// is counted, and the next snapshot comes soon after a flush in any case. A line that is damaged is
// left out, the others count. Believed only where the file belongs to this process's user or to
// root, and nobody else may write to it.
//
// Any thread. Workers hand on what is to be written, and never wait for the disk.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/base/guarded.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/cache/cache_snapshot.h"

namespace breakwater {

// One line of it. Nothing where it is damaged.
struct JournalledFlush {
  FlushRequest flush;
  std::vector<std::string> pools;
};
std::string JournalLineOf(const JournalledFlush& flush);  // with its end
std::optional<JournalledFlush> ParseJournalLine(std::string_view line);

class FlushJournal {
 public:
  static constexpr size_t kMostBytes = 32 << 20;
  static constexpr size_t kMostQueued = 100'000;  // lines of workers that wait to be written

  FlushJournal() = default;
  ~FlushJournal();  // what was noted is written and synced then
  FlushJournal(const FlushJournal&) = delete;
  FlushJournal& operator=(const FlushJournal&) = delete;

  // Of the snapshot at `path`. The error says what is wrong with the place; nothing is noted then.
  TextResult<void> Open(const std::string& path);

  // The flush holds. False where it could not be noted; that is counted. True where a worker has
  // handed it on: what cannot be written then is counted and logged.
  bool Note(const FlushRequest& flush, const std::vector<std::string>& pools);
  uint64_t lost() const;

  // Makes those anew that stand in the file, in every cache of `caches` that serves one of their
  // pools, one that stands there several times once. They are not noted once more.
  struct Replayed {
    size_t flushes = 0;
    size_t damaged = 0;            // lines
    std::vector<dns::Name> zones;  // that were flushed with all below them, of every type
  };
  Replayed Replay(std::span<const NamedCache> caches);

  // What was noted up to here is in the snapshot that is begun now. Forget() when that is in its
  // place: only what came later stays.
  size_t Mark() const;
  TextResult<void> Forget(size_t mark);

 private:
  struct State {
    std::string path;
    UniqueFd fd;
    size_t size = 0;
    uint64_t lost = 0;
    std::thread::id replayer{};
  };
  static TextResult<std::string> ReadFrom(const State& state, size_t offset);
  bool Append(std::string_view line);
  void Run();
  bool HandOn(std::string line);
  void SyncSoon();
  void Sync();

  std::atomic<bool> is_open_{false};
  std::atomic<uint64_t> refused_{0};  // lines that found no room in the queue
  mutable Guarded<State> state_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::string> queue_;  // guarded by mutex_, as what follows
  bool unsynced_ = false;
  bool stop_ = false;
  std::thread helper_;
};

}  // namespace breakwater
