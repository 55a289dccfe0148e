// A cache, a folder for its snapshot, and a restart: the same cache anew.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "proxy/cache/cache_snapshot.h"
#include "proxy/cache/snapshot_entry.h"
#include "tests/proxy/cache/cache_fixture.h"
#include "tests/support/temporary_folder.h"

namespace breakwater::test {

class SnapshotFixture : public CacheFixture {
 protected:
  SnapshotWritten Write(SnapshotOccasion occasion = SnapshotOccasion::kStop) {
    (void)cache();
    auto written = WriteCacheSnapshot(path_, std::vector<NamedCache>{{pools_, cache_}},
                                      {.clock = clock, .occasion = occasion});
    EXPECT_TRUE(written) << written.error();
    return written.value_or(SnapshotWritten{});
  }
  // The program stops for a while and begins with an empty cache.
  void Restart(double seconds = 0) {
    cache_ = nullptr;
    Advance(seconds);
    (void)cache();
  }
  TextResult<SnapshotLoaded> TryLoad(uint32_t keep_expired_s = 0) {
    (void)cache();
    return LoadCacheSnapshot(path_, std::vector<NamedCache>{{pools_, cache_}},
                             {.clock = clock, .keep_expired_s = keep_expired_s});
  }
  SnapshotLoaded Load() {
    auto loaded = TryLoad();
    EXPECT_TRUE(loaded) << loaded.error();
    return loaded.value_or(SnapshotLoaded{});
  }
  std::string Refusal() {
    const auto loaded = TryLoad();
    EXPECT_EQ(cache().EntryCount(), 0u);
    return loaded ? "" : loaded.error();
  }

  std::string FileBytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void SetFileBytes(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Any entry that may be served at all.
  Reply GetWhatThereIs(const std::string& query) {
    return GetAs(query, {.now = clock.Now(), .last_good = LastGoodUse::kAny});
  }

  TemporaryFolder temporary_;
  std::string folder_ = temporary_.path();
  std::string path_ = temporary_ / "cache";
  std::vector<std::string> pools_ = {""};
};

}  // namespace breakwater::test
