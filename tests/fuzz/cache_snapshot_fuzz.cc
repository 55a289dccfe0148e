// A snapshot file of hostile content. The first byte says how it is meant: 0, the rest is a file;
// 3, it is what the head of a file holds and then what its entries do, in sound blocks, so that the
// fuzzer need not make checksums; else it is entries alone.
// Whatever is taken must be served, swept and written again without harm.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "proxy/base/byte_writer.h"
#include "proxy/cache/cache_snapshot.h"
#include "proxy/cache/snapshot_entry.h"
#include "proxy/cache/snapshot_file.h"
#include "proxy/dns/question.h"

namespace {

using namespace breakwater;

class FixedClock : public Clock {
 public:
  MonoTime Now() const override { return MonoTime::FromSeconds(100'000'000); }
  int64_t WallSeconds() const override { return 1'800'000'000; }
};
const FixedClock fixed_clock;

std::shared_ptr<PacketCache> NewCache(bool last_good) {
  PacketCacheSettings settings;
  settings.max_entries = 16;
  settings.key.parse_ecs = true;
  settings.maximum_entry_size = 65535;
  if (last_good) settings.last_good = LastGoodSettings{};
  return *PacketCache::Make(settings, fixed_clock);
}

void Use(PacketCache& cache) {
  if (cache.EntryCount() > 16) std::abort();
  SnapshotScan scan{.now = fixed_clock.Now(), .keep_expired_s = 1000};
  while (cache.CopyForSnapshot(scan)) {
  }
  // What came in as an entry goes out as one that comes in again.
  ByteReader reader(scan.bytes);
  auto again = NewCache(cache.settings().last_good.has_value());
  while (reader.remaining() > 0) {
    SavedEntry saved;
    if (!ReadSaved(reader, saved)) std::abort();
    const RestoreResult result = again->Restore(saved, {.now = fixed_clock.Now(),
                                                        .asked_epoch = again->epoch(),
                                                        .freshness = RestoredFreshness::kWhatIsLeft,
                                                        .keep_expired_s = 1000});
    if (result == RestoreResult::kMalformed) std::abort();
  }
  (void)cache.DomainsByAddress(Address::FromRaw(std::array<uint8_t, 4>{192, 0, 2, 1}));
  (void)cache.Sweep(1'000'000);
}

void ReadEntries(std::span<const uint8_t> bytes, bool last_good) {
  auto cache = NewCache(last_good);
  ByteReader reader(bytes);
  SavedEntry saved;
  while (reader.remaining() > 0 && ReadSaved(reader, saved)) {
    const RestoreResult result = cache->Restore(saved, {.now = fixed_clock.Now(),
                                                        .asked_epoch = cache->epoch(),
                                                        .passed_s = 5,
                                                        .freshness = RestoredFreshness::kWhatIsLeft,
                                                        .keep_expired_s = 60});
    if (result != RestoreResult::kTaken) continue;
    // It is found by who asks, in the buffer of a client.
    const auto question = dns::ParseQuestion(saved.packet);
    if (!question) std::abort();
  }
  Use(*cache);
}

const std::string& Path() {
  static const std::string path = [] {
    std::string pattern = "/tmp/cache_snapshot_fuzzXXXXXX";
    return std::string(mkdtemp(pattern.data())) + "/cache";
  }();
  return path;
}

void Load(bool last_good) {
  auto cache = NewCache(last_good);
  const std::vector<NamedCache> caches = {{{""}, cache}};
  const auto loaded = LoadCacheSnapshot(Path(), caches, {.clock = fixed_clock});
  if (!loaded && cache->EntryCount() != 0) std::abort();
  Use(*cache);
}

void ReadFile(std::span<const uint8_t> bytes) {
  const int fd = open(Path().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  close(fd);
  Load(true);
}

// Flags and the time of writing.
constexpr size_t kHeadSize = 12;
// One pool without a name; parse_ecs; no options, no ranks.
constexpr std::array<uint8_t, 10> kSection = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0};

void ReadBlocks(std::span<const uint8_t> bytes) {
  const auto head = bytes.first(std::min(kHeadSize, bytes.size()));
  const auto entries = bytes.subspan(head.size());
  std::array<uint8_t, 8> end{};
  StoreU32(end.data() + 4, static_cast<uint32_t>(entries.size()));
  std::remove(Path().c_str());  // what another input left may be no snapshot
  auto writer = SnapshotWriter::Create(Path());
  if (!writer || !writer->Write(SnapshotBlock::kHead, head) ||
      !writer->Write(SnapshotBlock::kCache, kSection) ||
      !writer->Write(SnapshotBlock::kEntries, entries) ||
      !writer->Write(SnapshotBlock::kEnd, end) || !writer->Commit()) {
    std::abort();
  }
  Load(false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> rest(data + 1, size - 1);
  if (data[0] == 0) {
    ReadFile(rest);
  } else if (data[0] == 3) {
    ReadBlocks(rest);
  } else {
    ReadEntries(rest, data[0] % 2 == 1);
  }
  return 0;
}
