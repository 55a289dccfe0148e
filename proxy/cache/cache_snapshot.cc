#include "proxy/cache/cache_snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/byte_reader.h"
#include "proxy/base/byte_writer.h"
#include "proxy/cache/snapshot_entry.h"
#include "proxy/cache/snapshot_file.h"

namespace breakwater {
namespace {

constexpr size_t kBlockSize = 256 << 10;
constexpr size_t kMostPools = 10'000;
constexpr uint32_t kCleanStop = 1;
// No wall clock shows more: some 30'000 years.
constexpr int64_t kLatest_s = int64_t{1} << 40;

// --- the blocks' contents

class Bytes {
 public:
  void U16(size_t value) {
    at_.push_back(static_cast<uint8_t>(value >> 8));
    at_.push_back(static_cast<uint8_t>(value));
  }
  void U32(uint32_t value) {
    U16(value >> 16);
    U16(value & 0xffff);
  }
  void U64(uint64_t value) {
    U32(static_cast<uint32_t>(value >> 32));
    U32(static_cast<uint32_t>(value));
  }
  void List(const std::vector<uint16_t>& values) {
    U16(values.size());
    for (const uint16_t value : values) U16(value);
  }
  void Text(std::string_view text) {
    U16(text.size());
    at_.insert(at_.end(), text.begin(), text.end());
  }
  std::span<const uint8_t> span() const { return at_; }

 private:
  std::vector<uint8_t> at_;
};

uint64_t ReadU64(ByteReader& reader) {
  const uint64_t high = reader.U32();
  return high << 32 | reader.U32();
}

std::vector<uint16_t> ReadList(ByteReader& reader) {
  std::vector<uint16_t> values;
  for (size_t left = reader.U16(); left > 0 && reader.ok(); --left) values.push_back(reader.U16());
  return values;
}

struct Head {
  uint32_t flags = 0;
  int64_t written_s = 0;  // by the wall clock
};

Bytes BytesOf(const Head& head) {
  Bytes bytes;
  bytes.U32(head.flags);
  bytes.U64(static_cast<uint64_t>(head.written_s));
  return bytes;
}

struct Section {
  std::vector<std::string> pools;
  CacheKeyOptions key;
};

// As sets: the order in the configuration means nothing.
CacheKeyOptions Sorted(CacheKeyOptions options) {
  for (auto* list : {&options.skip_options, &options.payload_ranks}) {
    std::ranges::sort(*list);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return options;
}

bool SameKey(const CacheKeyOptions& one, const CacheKeyOptions& other) {
  const CacheKeyOptions a = Sorted(one);
  const CacheKeyOptions b = Sorted(other);
  return a.parse_ecs == b.parse_ecs && a.skip_options == b.skip_options &&
         a.payload_ranks == b.payload_ranks;
}

Bytes BytesOf(const NamedCache& cache) {
  Bytes bytes;
  bytes.U16(cache.pools.size());
  for (const std::string& pool : cache.pools) bytes.Text(pool);
  const CacheKeyOptions key = Sorted(cache.cache->settings().key);
  bytes.U16(key.parse_ecs ? 1 : 0);
  bytes.List(key.skip_options);
  bytes.List(key.payload_ranks);
  return bytes;
}

bool ReadSection(std::span<const uint8_t> bytes, Section& section) {
  ByteReader reader(bytes);
  const size_t pools = reader.U16();
  for (size_t i = 0; i < pools && pools <= kMostPools && reader.ok(); ++i) {
    const auto text = reader.Bytes(reader.U16());
    section.pools.emplace_back(text.begin(), text.end());
  }
  const uint16_t parse_ecs = reader.U16();
  section.key.parse_ecs = parse_ecs == 1;
  section.key.skip_options = ReadList(reader);
  section.key.payload_ranks = ReadList(reader);
  return reader.ok() && reader.remaining() == 0 && parse_ecs <= 1 && section.pools.size() == pools;
}

std::string PoolsText(const std::vector<std::string>& pools) {
  std::string text;
  for (const std::string& pool : pools)
    text += fmt::format("{}'{}'", text.empty() ? "" : ", ", pool);
  return text;
}

// --- writing

bool IsAbandoned(const SnapshotHow& how) {
  return how.abandon != nullptr && how.abandon->load(std::memory_order_relaxed);
}

// Greater where something was flushed, or a flush undone, meanwhile.
uint64_t EpochsOf(std::span<const NamedCache> caches) {
  uint64_t sum = 0;
  for (const NamedCache& cache : caches) sum += cache.cache->epoch();
  return sum;
}

TextResult<void> WriteCache(const NamedCache& cache, const SnapshotHow& how, SnapshotWriter& writer,
                            SnapshotWritten& done) {
  if (auto written = writer.Write(SnapshotBlock::kCache, BytesOf(cache).span()); !written) {
    return written;
  }
  SnapshotScan scan{
      .now = how.clock.Now(), .keep_expired_s = how.keep_expired_s, .apex_of = how.apex_of};
  scan.bytes.reserve(2 * kBlockSize);
  for (bool more = true; more && !IsAbandoned(how);) {
    more = cache.cache->CopyForSnapshot(scan);
    if (scan.bytes.size() < kBlockSize && (more || scan.bytes.empty())) continue;
    if (auto written = writer.Write(SnapshotBlock::kEntries, scan.bytes); !written) return written;
    done.entry_bytes += scan.bytes.size();
    scan.bytes.clear();
  }
  done.entries += scan.entries;
  return {};
}

// In blocks of whole zones.
TextResult<void> WriteSerials(const SnapshotHow& how, SnapshotWriter& writer) {
  if (!how.each_serial) return {};
  std::vector<std::vector<uint8_t>> blocks;
  how.each_serial([&](const SavedSerial& zone) {
    if (blocks.empty() || blocks.back().size() >= kBlockSize) blocks.emplace_back();
    AppendSaved(zone, blocks.back());
  });
  for (const std::vector<uint8_t>& block : blocks) {
    if (auto written = writer.Write(SnapshotBlock::kSerials, block); !written) return written;
  }
  return {};
}

// --- reading

// False where the bytes are no serials. `take` may be empty.
bool ReadSerials(std::span<const uint8_t> bytes, const SavedSerialSink& take) {
  ByteReader reader(bytes);
  SavedSerial zone;
  while (reader.ok() && reader.remaining() > 0) {
    if (ReadSaved(reader, zone) && take) take(zone);
  }
  return reader.ok();
}

TextResult<Head> ReadHead(SnapshotReader& reader) {
  const auto part = reader.Next();
  if (!part) return Fail(part.error());
  ByteReader bytes(part->bytes);
  Head head{.flags = bytes.U32(), .written_s = static_cast<int64_t>(ReadU64(bytes))};
  if (part->kind != SnapshotBlock::kHead || !bytes.ok() || bytes.remaining() != 0) {
    return Fail(std::string("the snapshot of the cache does not begin as one"));
  }
  if (head.written_s < 0 || head.written_s > kLatest_s) {
    return Fail(fmt::format("the snapshot of the cache is damaged: it was written at second {}",
                            head.written_s));
  }
  return head;
}

// The mark of a clean stop is for the one start that follows it: what is flushed from here on is
// not in the file. False where it cannot be taken off; nothing is fresh then.
bool TakeCleanMark(const SnapshotReader& reader, const Head& head, SnapshotLoaded& loaded) {
  if ((head.flags & kCleanStop) == 0) return false;
  const Head used{.flags = head.flags & ~kCleanStop, .written_s = head.written_s};
  const auto rewritten = reader.RewriteHead(BytesOf(used).span());
  if (rewritten) return true;
  loaded.warnings.push_back(fmt::format(
      "nothing in the snapshot of the cache is taken as fresh, for it cannot be marked as used: {}",
      rewritten.error()));
  return false;
}

// Reads to the end and believes nothing: whatever is wrong is found before an entry is taken.
TextResult<void> Verify(SnapshotReader& reader, const SnapshotHow& how) {
  if (auto head = ReadHead(reader); !head) return Fail(head.error());
  uint64_t entry_bytes = 0;
  bool in_section = false;
  while (!IsAbandoned(how)) {
    const auto part = reader.Next();
    if (!part) return Fail(part.error());
    const auto wrong = [&](std::string_view what) {
      return Fail(fmt::format("the snapshot of the cache is damaged: {}", what));
    };
    if (part->kind == SnapshotBlock::kEnd) {
      ByteReader end(part->bytes);
      if (ReadU64(end) != entry_bytes || !end.ok()) return wrong("its end does not fit");
      return reader.ExpectEnd();
    }
    Section section;
    if (part->kind == SnapshotBlock::kHead) return wrong("a second beginning");
    if (part->kind == SnapshotBlock::kSerials) {
      if (!ReadSerials(part->bytes, {})) return wrong("a serial of no zone");
    } else if (part->kind == SnapshotBlock::kCache) {
      if (!ReadSection(part->bytes, section)) return wrong("a cache without names or options");
      in_section = true;
    } else if (!in_section) {
      return wrong("entries of no cache");
    } else {
      entry_bytes += part->bytes.size();
    }
  }
  return {};
}

class Loader {
 public:
  Loader(std::span<const NamedCache> caches, const SnapshotHow& how, SnapshotLoaded& loaded)
      : caches_(caches), how_(how), loaded_(loaded) {
    // Flushes from now on concern what is read.
    for (const NamedCache& cache : caches) epochs_.push_back(cache.cache->epoch());
  }

  void Begin(const Head& head, RestoredFreshness freshness) {
    const int64_t passed_s = how_.clock.WallSeconds() - head.written_s;
    loaded_.age_s = std::max<int64_t>(passed_s, 0);
    restore_.now = how_.clock.Now();
    restore_.passed_s = static_cast<uint32_t>(std::min<int64_t>(loaded_.age_s, UINT32_MAX));
    restore_.keep_expired_s = how_.keep_expired_s;
    restore_.freshness = passed_s >= 0 ? freshness : RestoredFreshness::kNone;
  }

  // `first`: in this reading, which tells of what is left out.
  void BeginCache(const Section& section, bool first) {
    targets_.clear();
    bool differs = false;
    for (size_t i = 0; i < caches_.size(); ++i) {
      const auto serves = [&](const std::string& pool) {
        return std::ranges::find(section.pools, pool) != section.pools.end();
      };
      if (std::ranges::none_of(caches_[i].pools, serves)) continue;
      if (SameKey(section.key, caches_[i].cache->settings().key)) {
        targets_.push_back(i);
      } else {
        differs = true;
      }
    }
    if (!targets_.empty() || !first) return;
    loaded_.warnings.push_back(fmt::format(
        "what the snapshot holds for the pools {} is left out: {}", PoolsText(section.pools),
        differs
            ? "the cache has other options of its key now (parseECS, skipOptions, payloadRanks, "
              "cookieHashing)"
            : "no such pool has a cache now"));
  }

  void TakeSerials(std::span<const uint8_t> bytes) const {
    if (!how_.on_serial) return;
    (void)ReadSerials(bytes, [&](const SavedSerial& zone) { how_.on_serial(zone, loaded_.age_s); });
  }

  // Those that were asked for again, or the rest.
  void Take(std::span<const uint8_t> bytes, bool asked_again) {
    ByteReader reader(bytes);
    while (reader.remaining() > 0 && !IsAbandoned(how_)) {
      SavedEntry saved;
      if (!ReadSaved(reader, saved)) {
        if (asked_again) ++loaded_.malformed;  // met each time
        return;
      }
      if (saved.asked_again != asked_again) continue;
      for (const size_t target : targets_) {
        restore_.asked_epoch = epochs_[target];
        const RestoreResult result = caches_[target].cache->Restore(saved, restore_);
        Count(result);
        if (result == RestoreResult::kTaken) TellZone(saved);
      }
    }
  }

 private:
  // The packet is sound: it was taken.
  void TellZone(const SavedEntry& saved) const {
    if (!how_.on_zone || saved.apex_labels == 0) return;
    const auto question = dns::ParseQuestion(saved.packet);
    if (!question) return;
    const auto name = saved.packet.subspan(dns::kHeaderSize, question->name_length);
    size_t labels = 0;
    for (size_t at = 0; name[at] != 0; at += 1u + name[at]) ++labels;
    if (saved.apex_labels > labels) return;
    size_t start = 0;
    for (; labels > saved.apex_labels; --labels) start += 1u + name[start];
    how_.on_zone(name.subspan(start));
  }
  void Count(RestoreResult result) {
    switch (result) {
      case RestoreResult::kTaken:
        ++loaded_.taken;
        break;
      case RestoreResult::kKnown:
        ++loaded_.known;
        break;
      case RestoreResult::kOver:
        ++loaded_.over;
        break;
      case RestoreResult::kFull:
        ++loaded_.no_room;
        break;
      case RestoreResult::kMalformed:
        ++loaded_.malformed;
        break;
    }
  }

  std::span<const NamedCache> caches_;
  const SnapshotHow& how_;
  SnapshotLoaded& loaded_;
  std::vector<uint32_t> epochs_;
  std::vector<size_t> targets_;
  RestoreHow restore_;
};

// From behind the head to the end.
TextResult<void> TakeEntries(SnapshotReader& reader, Loader& loader, const SnapshotHow& how,
                             bool asked_again) {
  while (!IsAbandoned(how)) {
    const auto part = reader.Next();
    if (!part) return Fail(part.error());
    if (part->kind == SnapshotBlock::kEnd) break;
    if (part->kind == SnapshotBlock::kEntries) {
      loader.Take(part->bytes, asked_again);
      continue;
    }
    if (part->kind == SnapshotBlock::kSerials) {
      if (asked_again) loader.TakeSerials(part->bytes);  // in the first reading
      continue;
    }
    Section section;
    if (!ReadSection(part->bytes, section)) break;
    loader.BeginCache(section, asked_again);
  }
  return {};
}

}  // namespace

TextResult<SnapshotWritten> WriteCacheSnapshot(const std::string& path,
                                               std::span<const NamedCache> caches,
                                               const SnapshotHow& how) {
  auto writer = SnapshotWriter::Create(path);
  if (!writer) return Fail(writer.error());
  const uint64_t epochs = EpochsOf(caches);
  Head head{.flags = how.occasion == SnapshotOccasion::kStop ? kCleanStop : 0,
            .written_s = how.clock.WallSeconds()};
  TextResult<void> good = writer->Write(SnapshotBlock::kHead, BytesOf(head).span());
  if (good) good = WriteSerials(how, *writer);
  SnapshotWritten done;
  for (size_t i = 0; good && i < caches.size(); ++i) {
    good = WriteCache(caches[i], how, *writer, done);
  }
  if (!good) return Fail(good.error());
  if (IsAbandoned(how)) return SnapshotWritten{.abandoned = true};
  Bytes end;
  end.U64(done.entry_bytes);
  good = writer->Write(SnapshotBlock::kEnd, end.span());
  if (good && head.flags != 0 && EpochsOf(caches) != epochs) {
    // A flush may have come after what it concerns was written.
    head.flags = 0;
    good = writer->RewriteHead(BytesOf(head).span());
  }
  if (good) good = writer->Commit();
  if (!good) return Fail(good.error());
  done.bytes = writer->bytes();
  return done;
}

TextResult<SnapshotLoaded> LoadCacheSnapshot(const std::string& path,
                                             std::span<const NamedCache> caches,
                                             const SnapshotHow& how) {
  SnapshotLoaded loaded;
  auto reader = SnapshotReader::Open(path);
  if (!reader) return Fail(reader.error());
  if (reader->missing()) return loaded;
  loaded.found = true;
  Loader loader(caches, how, loaded);
  const auto head = ReadHead(*reader);
  if (!head) return Fail(head.error());
  // Before the long reading: flushes and crashes do not wait for it.
  const auto freshness = TakeCleanMark(*reader, *head, loaded) ? RestoredFreshness::kWhatIsLeft
                                                               : RestoredFreshness::kNone;
  if (auto good = reader->Rewind(); !good) return Fail(good.error());
  if (auto good = Verify(*reader, how); !good) return Fail(good.error());
  if (auto good = reader->Rewind(); !good) return Fail(good.error());
  if (const auto again = ReadHead(*reader); !again) return Fail(again.error());
  loader.Begin(*head, freshness);
  if (how.flush_anew) how.flush_anew();
  for (const bool asked_again : {true, false}) {
    if (auto good = TakeEntries(*reader, loader, how, asked_again); !good)
      return Fail(good.error());
    if (auto good = reader->Rewind(); !good) return Fail(good.error());
    if (const auto again = ReadHead(*reader); !again) return Fail(again.error());
  }
  return loaded;
}

}  // namespace breakwater
