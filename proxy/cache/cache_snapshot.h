// The caches on disk, for the time in which the program does not run: setCacheSnapshot(path).
//
// One file for all caches. Each has a section with the names of the pools that use it and the
// options of its key: it comes back into every cache of today that serves one of these pools with
// the same options; where they differ the section is left out, with a warning. What becomes of an
// entry is said in snapshot_entry.h. A file in which anything is wrong is refused whole, before the
// first entry is taken. Where a cache has become smaller it takes what it has room for.
//
// A flush that came after the last writing is not in it. A clean stop writes once more, and marks
// the file so; the start that reads it takes the mark off. For a crash hard flushes are noted
// beside it (flush_journal.h), and SnapshotKeeper writes soon after a flush.
//
// What was asked for again since it was stored is taken first, so that a cache that has become
// smaller has room for that before the rest.
//
// Both functions are for a thread of their own: they read and write files, and hold a shard of the
// cache for 64 entries at most.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/cache/packet_cache.h"
#include "proxy/cache/snapshot_zones.h"

namespace breakwater {

struct NamedCache {
  std::vector<std::string> pools;  // that use it
  std::shared_ptr<PacketCache> cache;
};

enum class SnapshotOccasion : uint8_t { kInterval, kStop };

struct SnapshotHow {
  const Clock& clock;
  uint32_t keep_expired_s = 0;                              // setStaleCacheEntriesTTL
  SnapshotOccasion occasion = SnapshotOccasion::kInterval;  // of a writing
  // Once true the work is left, a writing without a trace. Null: never.
  const std::atomic<bool>* abandon = nullptr;
  // Of a reading, called once before the first entry is taken: what it flushes concerns what is
  // read, and not what was asked for meanwhile.
  std::function<void()> flush_anew{};
  // Of a writing: labels of the apex of the zone that `name` is in, 0 where it is not known.
  std::function<uint8_t(std::span<const uint8_t> name)> apex_of{};
  // Of a reading: called with the apex of the zone of each entry that was taken and says so.
  std::function<void(std::span<const uint8_t> apex)> on_zone{};
  // Of a writing: gives the newest SOA serials that are known of zones.
  std::function<void(const SavedSerialSink&)> each_serial{};
  // Of a reading: called with those, and the seconds since they were written, before entries are
  // taken.
  std::function<void(const SavedSerial&, int64_t age_s)> on_serial{};
};

struct SnapshotWritten {
  size_t entries = 0;
  uint64_t entry_bytes = 0;
  size_t bytes = 0;  // of the file
  bool abandoned = false;
};
TextResult<SnapshotWritten> WriteCacheSnapshot(const std::string& path,
                                               std::span<const NamedCache> caches,
                                               const SnapshotHow& how);

struct SnapshotLoaded {
  bool found = false;  // there was a file
  size_t taken = 0;
  size_t over = 0;                    // past their time
  size_t known = 0;                   // asked for meanwhile
  size_t no_room = 0;                 // the cache is full
  size_t malformed = 0;               // not taken for what they hold
  int64_t age_s = 0;                  // since it was written
  std::vector<std::string> warnings;  // one sentence each
};
// Takes the mark of a clean stop off the file before anything else.
TextResult<SnapshotLoaded> LoadCacheSnapshot(const std::string& path,
                                             std::span<const NamedCache> caches,
                                             const SnapshotHow& how);

}  // namespace breakwater
