#include "proxy/backend/zone_health.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "proxy/base/hash.h"
#include "proxy/base/shard_lock.h"

namespace breakwater {
namespace {

// The root and top-level domains are nobody's zone here.
constexpr size_t kLeastLabels = 2;
// Of so many rows the least asked goes.
constexpr size_t kEvictionChoices = 16;
constexpr uint8_t kMostHistory = 16;
// Servers that come and go leave no more than so many behind.
constexpr uint8_t kMostCells = 8;

template <typename T>
void Saturate(T& counter) {
  if (counter != std::numeric_limits<T>::max()) ++counter;
}

uint32_t SecondsOf(MonoTime time) {
  return static_cast<uint32_t>(time.seconds());
}

uint64_t HashOf(std::span<const uint8_t> folded) {
  return HashBytes(folded, ProcessHashSeed() ^ 0x5a4f4e45);
}

}  // namespace

// A name in lower case, and where its labels begin.
struct ZoneHealth::Suffixes {
  explicit Suffixes(std::span<const uint8_t> name) {
    dns::FoldInto(name, bytes.data());
    length = name.size();
    for (size_t at = 0; at < length && bytes[at] != 0; at += 1u + bytes[at]) {
      starts[count++] = static_cast<uint8_t>(at);
    }
  }
  // The last `labels` of it.
  std::span<const uint8_t> Last(size_t labels) const {
    const size_t start = starts[count - labels];
    return {bytes.data() + start, length - start};
  }
  std::array<uint8_t, dns::kMaxNameLength> bytes;
  std::array<uint8_t, 128> starts;
  size_t length = 0;
  size_t count = 0;
};

// One backend's answers for one zone.
struct ZoneHealth::Cell {
  BackendNumber backend;
  uint32_t good;
  uint32_t since_s;
  uint32_t trial_s;  // where bad: not before this
  std::array<uint16_t, kBadKinds> kinds;
  uint16_t history;  // the newest is the lowest bit; set: bad
  uint8_t history_length;
  uint8_t good_run;
  uint8_t last_bad;
  bool is_bad;
};

// One allocation: this, the cells, the zone's name.
struct ZoneHealth::Row {
  uint32_t hash;
  uint32_t asked;  // halved now and then; for the eviction
  uint32_t index;  // in its shard's list
  uint8_t cell_count;
  uint8_t name_length;

  Cell* cells() { return reinterpret_cast<Cell*>(this + 1); }
  const Cell* cells() const { return reinterpret_cast<const Cell*>(this + 1); }
  std::span<Cell> all() { return {cells(), cell_count}; }
  std::span<const Cell> all() const { return {cells(), cell_count}; }
  uint8_t* name_bytes() { return reinterpret_cast<uint8_t*>(cells() + cell_count); }
  std::span<const uint8_t> name() const {
    return {reinterpret_cast<const uint8_t*>(cells() + cell_count), name_length};
  }
  bool IsBad() const {
    return std::any_of(all().begin(), all().end(), [](const Cell& cell) { return cell.is_bad; });
  }

  static Row* Make(uint64_t hash, std::span<const uint8_t> name, uint8_t cells) {
    const size_t size = sizeof(Row) + cells * sizeof(Cell) + name.size();
    auto* row = static_cast<Row*>(std::calloc(1, size));
    if (row == nullptr) return nullptr;
    row->hash = static_cast<uint32_t>(hash);
    row->cell_count = cells;
    row->name_length = static_cast<uint8_t>(name.size());
    std::copy(name.begin(), name.end(), row->name_bytes());
    return row;
  }
};

struct alignas(64) ZoneHealth::Shard {
  struct Key {
    uint64_t hash;
    std::span<const uint8_t> name;
  };
  struct Hash {
    using is_transparent = void;
    static size_t Spread(uint32_t hash) { return hash * uint64_t{0x9e3779b97f4a7c15}; }
    size_t operator()(const Row* row) const { return Spread(row->hash); }
    size_t operator()(const Key& key) const { return Spread(static_cast<uint32_t>(key.hash)); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Row* a, const Row* b) const { return a == b; }
    bool operator()(const Row* row, const Key& key) const {
      return row->hash == static_cast<uint32_t>(key.hash) &&
             std::ranges::equal(row->name(), key.name);
    }
    bool operator()(const Key& key, const Row* row) const { return (*this)(row, key); }
  };

  ~Shard() {
    for (Row* row : rows) std::free(row);
  }

  Row* Find(const Key& key) const {
    const auto found = by_name.find(key);
    return found == by_name.end() ? nullptr : *found;
  }
  void Add(Row* row) {
    row->index = static_cast<uint32_t>(rows.size());
    rows.push_back(row);
    by_name.insert(row);
  }
  void Remove(Row* row) {
    by_name.erase(row);
    rows[row->index] = rows.back();
    rows[row->index]->index = row->index;
    rows.pop_back();
    std::free(row);
  }
  // One more backend; the row moves.
  Row* Widen(Row* row) {
    Row* wider = Row::Make(row->hash, row->name(), static_cast<uint8_t>(row->cell_count + 1));
    if (wider == nullptr) return row;
    wider->asked = row->asked;
    wider->index = row->index;
    std::ranges::copy(row->all(), wider->cells());
    by_name.erase(row);
    rows[wider->index] = wider;
    by_name.insert(wider);
    std::free(row);
    return wider;
  }
  // The least asked of some, never a bad one; null where there is none to go.
  Row* ToEvict() {
    Row* least = nullptr;
    for (size_t i = 0; i < std::min(kEvictionChoices, rows.size()); ++i) {
      Row* row = rows[hand++ % rows.size()];
      if (!row->IsBad() && (least == nullptr || row->asked < least->asked)) least = row;
      row->asked /= 2;
    }
    return least;
  }

  mutable ShardLock lock;
  absl::flat_hash_set<Row*, Hash, Equal> by_name;
  std::vector<Row*> rows;
  size_t hand = 0;
  std::vector<ZoneOnBackend> unknown;
  Tally known;
};

uint64_t ZoneOnBackend::AllBad() const {
  uint64_t sum = 0;
  for (const uint64_t count : bad) sum += count;
  return sum;
}

bool ZoneReport::IsBad() const {
  return std::any_of(backends.begin(), backends.end(),
                     [](const ZoneOnBackend& one) { return one.is_bad; });
}

ZoneHealth::ZoneHealth(const ZoneHealthSettings& settings)
    : shards_(std::make_unique<Shard[]>(kShards)) {
  UseSettings(settings);
}

ZoneHealth::~ZoneHealth() = default;

ZoneHealth::Shard& ZoneHealth::ShardOf(uint64_t hash) const {
  return shards_[hash >> 58];
}

void ZoneHealth::UseSettings(const ZoneHealthSettings& settings) {
  max_zones_.store(settings.max_zones, std::memory_order_relaxed);
  const uint8_t of = std::clamp<uint8_t>(settings.of, 1, kMostHistory);
  thresholds_.store(uint32_t{settings.bad} << 16 | uint32_t{of} << 8 | settings.good,
                    std::memory_order_relaxed);
}

// Calls `visit(shard, row, labels)` with the longest known zone that `name` is in, under the
// shard's lock. False where there is none.
template <typename Visit>
bool ZoneHealth::WithZone(const Suffixes& name, Visit&& visit) const {
  for (size_t labels = name.count; labels >= kLeastLabels; --labels) {
    if (!MayHave(labels)) continue;
    const auto zone = name.Last(labels);
    const uint64_t hash = HashOf(zone);
    Shard& shard = ShardOf(hash);
    const ShardGuard guard(shard.lock);
    if (Row* row = shard.Find({hash, zone}); row != nullptr) {
      visit(shard, row, labels);
      return true;
    }
  }
  return false;
}

bool ZoneHealth::MayHave(size_t labels) const {
  return (depths_[labels / 64].load(std::memory_order_relaxed) >> (labels % 64) & 1) != 0;
}

ZoneHealth::Noted ZoneHealth::Note(const Answer& answer) {
  const Suffixes name(answer.name);
  const size_t apex = answer.bad ? 0 : std::min<size_t>(answer.apex_labels, name.count);
  size_t known = 0;
  Noted noted;
  const auto count = [&](Shard& shard, Row* row, size_t labels) {
    known = labels;
    if (apex > labels) return;
    noted = {Count(shard, row, answer), static_cast<uint8_t>(labels)};
  };
  (void)WithZone(name, count);
  if (apex > known && apex >= kLeastLabels && Learn(name.Last(apex))) (void)WithZone(name, count);
  if (noted.apex_labels == 0) CountUnknown(answer);
  const bool names_none = !answer.bad && answer.authoritative && apex == 0;
  if (names_none && known + 1 < name.count && name.count >= kLeastLabels) {
    noted.wish = Wish::kApex;
  }
  return noted;
}

bool ZoneHealth::Learn(std::span<const uint8_t> zone) {
  const uint64_t hash = HashOf(zone);
  Shard& shard = ShardOf(hash);
  const ShardGuard guard(shard.lock);
  if (shard.Find({hash, zone}) != nullptr) return true;
  if (zone_count() >= max_zones_.load(std::memory_order_relaxed)) {
    Row* oldest = shard.ToEvict();
    if (oldest == nullptr) return false;
    shard.Remove(oldest);
    zone_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  Row* row = Row::Make(hash, zone, 0);
  if (row == nullptr) return false;
  shard.Add(row);
  zone_count_.fetch_add(1, std::memory_order_relaxed);
  const Suffixes suffixes(zone);
  depths_[suffixes.count / 64].fetch_or(uint64_t{1} << (suffixes.count % 64),
                                        std::memory_order_relaxed);
  return true;
}

ZoneHealth::Cell& ZoneHealth::CellOf(Shard& shard, Row*& row, BackendNumber backend) {
  for (Cell& cell : row->all()) {
    if (cell.backend == backend) return cell;
  }
  if (row->cell_count < kMostCells) row = shard.Widen(row);
  // The newest cell, or the place of the oldest server.
  Cell& cell = *std::ranges::min_element(row->all(), {}, &Cell::backend);
  if (cell.is_bad) bad_count_.fetch_sub(1, std::memory_order_relaxed);
  cell = Cell{};
  cell.backend = backend;
  return cell;
}

ZoneHealth::Wish ZoneHealth::Count(Shard& shard, Row* row, const Answer& answer) {
  Cell& cell = CellOf(shard, row, answer.backend);
  Saturate(row->asked);
  if (!cell.is_bad)
    ++(answer.bad ? shard.known.bad[static_cast<size_t>(*answer.bad)] : shard.known.good);
  if (answer.bad) {
    Saturate(cell.kinds[static_cast<size_t>(*answer.bad)]);
    cell.last_bad = static_cast<uint8_t>(*answer.bad);
    if (cell.is_bad && cell.good_run > 0) cell.trial_s = SecondsOf(answer.now + kTrialEvery);
    cell.good_run = 0;
  } else {
    Saturate(cell.good);
    Saturate(cell.good_run);
    // Of a bad zone: the next query may tell at once whether it was luck.
    if (cell.is_bad) cell.trial_s = SecondsOf(answer.now);
  }
  cell.history = static_cast<uint16_t>(cell.history << 1 | (answer.bad ? 1 : 0));
  if (cell.history_length < kMostHistory) ++cell.history_length;
  if (cell.is_bad != IsBad(cell)) Turn(*row, cell, answer.now);
  return answer.bad && !cell.is_bad ? Wish::kCertainty : Wish::kNone;
}

// By what it is now: one that is bad wants `good` good answers in a row.
bool ZoneHealth::IsBad(const Cell& cell) const {
  const uint32_t thresholds = thresholds_.load(std::memory_order_relaxed);
  if (cell.is_bad) return cell.good_run < (thresholds & 0xff);
  const uint32_t of = std::min<uint32_t>(thresholds >> 8 & 0xff, cell.history_length);
  const auto last = static_cast<uint16_t>(cell.history & ((1u << of) - 1));
  return std::popcount(last) >= static_cast<int>(thresholds >> 16);
}

void ZoneHealth::Turn(const Row& row, Cell& cell, MonoTime now) {
  cell.is_bad = !cell.is_bad;
  cell.since_s = SecondsOf(now);
  cell.trial_s = SecondsOf(now + kTrialEvery);
  cell.history = 0;
  cell.history_length = 0;
  if (cell.is_bad) {
    bad_count_.fetch_add(1, std::memory_order_relaxed);
  } else {
    bad_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  const auto zone = dns::Name::FromWire(row.name());
  changes_.With([&](std::vector<ZoneChange>& changes) {
    if (!zone || changes.size() >= kMostChanges) return;
    changes.push_back({.zone = *zone,
                       .backend = cell.backend,
                       .is_bad = cell.is_bad,
                       .kind = static_cast<BadKind>(cell.last_bad),
                       .when = now});
  });
}

void ZoneHealth::CountUnknown(const Answer& answer) {
  Shard& shard = ShardOf(HashOf(answer.name));
  const ShardGuard guard(shard.lock);
  auto found = std::ranges::find(shard.unknown, answer.backend, &ZoneOnBackend::backend);
  if (found == shard.unknown.end()) {
    if (shard.unknown.size() >= kMostCells) shard.unknown.erase(shard.unknown.begin());
    found = shard.unknown.insert(shard.unknown.end(), ZoneOnBackend{.backend = answer.backend});
  }
  ++(answer.bad ? found->bad[static_cast<size_t>(*answer.bad)] : found->good);
}

uint8_t ZoneHealth::ApexOf(std::span<const uint8_t> name) const {
  size_t apex = 0;
  (void)WithZone(Suffixes(name), [&](Shard&, Row*, size_t labels) { apex = labels; });
  return static_cast<uint8_t>(apex);
}

bool ZoneHealth::Avoids(std::span<const uint8_t> name, BackendNumber backend, MonoTime now) {
  if (!AnyBad()) return false;
  bool avoids = false;
  (void)WithZone(Suffixes(name), [&](Shard&, Row* row, size_t) {
    for (Cell& cell : row->all()) {
      if (cell.backend != backend || !cell.is_bad) continue;
      avoids = now.seconds() < int64_t{cell.trial_s};
      if (!avoids) cell.trial_s = SecondsOf(now + kTrialEvery);
    }
  });
  return avoids;
}

bool ZoneHealth::IsBad(std::span<const uint8_t> name, BackendNumber backend) const {
  if (!AnyBad()) return false;
  bool bad = false;
  (void)WithZone(Suffixes(name), [&](Shard&, const Row* row, size_t) {
    bad = std::ranges::any_of(
        row->all(), [&](const Cell& cell) { return cell.backend == backend && cell.is_bad; });
  });
  return bad;
}

std::optional<ZoneReport> ZoneHealth::Peek(std::span<const uint8_t> name) const {
  std::optional<ZoneReport> report;
  (void)WithZone(Suffixes(name), [&](Shard&, Row* row, size_t) {
    auto zone = dns::Name::FromWire(row->name());
    if (!zone) return;
    report.emplace(ZoneReport{.zone = *zone});
    for (const Cell& cell : row->all()) report->backends.push_back(Describe(cell));
  });
  return report;
}

void ZoneHealth::Forget(std::span<const dns::Name> zones) {
  if (zones.empty()) return;
  absl::flat_hash_set<std::string> gone;
  for (const dns::Name& zone : zones) gone.insert(zone.FoldedKey());
  const auto is_gone = [&](std::span<const uint8_t> name) {
    for (size_t at = 0;; at += name[at] + 1u) {
      const auto* suffix = reinterpret_cast<const char*>(name.data()) + at;
      if (gone.contains(absl::string_view(suffix, name.size() - at))) return true;
      if (name[at] == 0) return false;
    }
  };
  for (size_t i = 0; i < kShards; ++i) {
    Shard& shard = shards_[i];
    const ShardGuard guard(shard.lock);
    for (size_t at = shard.rows.size(); at-- > 0;) {
      Row* row = shard.rows[at];
      if (!is_gone(row->name())) continue;
      for (const Cell& cell : row->all()) {
        if (cell.is_bad) bad_count_.fetch_sub(1, std::memory_order_relaxed);
      }
      shard.Remove(row);
      zone_count_.fetch_sub(1, std::memory_order_relaxed);
    }
  }
}

std::vector<ZoneChange> ZoneHealth::TakeChanges() {
  return changes_.With([](std::vector<ZoneChange>& changes) { return std::exchange(changes, {}); });
}

ZoneOnBackend ZoneHealth::Describe(const Cell& cell) {
  ZoneOnBackend one{.backend = cell.backend,
                    .is_bad = cell.is_bad,
                    .last_bad = static_cast<BadKind>(cell.last_bad),
                    .since = MonoTime::FromSeconds(cell.since_s),
                    .good = cell.good};
  std::ranges::copy(cell.kinds, one.bad.begin());
  return one;
}

std::vector<ZoneReport> ZoneHealth::Report(Which which, size_t most) const {
  std::vector<ZoneReport> reports;
  for (size_t i = 0; i < kShards && reports.size() < most; ++i) {
    const Shard& shard = shards_[i];
    const ShardGuard guard(shard.lock);
    for (const Row* row : shard.rows) {
      if (which == Which::kBad && !row->IsBad()) continue;
      ZoneReport report{.zone = dns::Name::FromWire(row->name()).value_or(dns::Name())};
      for (const Cell& cell : row->all()) report.backends.push_back(Describe(cell));
      reports.push_back(std::move(report));
      if (reports.size() >= most) break;
    }
  }
  return reports;
}

ZoneHealth::Tally ZoneHealth::AnswersOfKnownZones() const {
  Tally sum;
  for (size_t i = 0; i < kShards; ++i) {
    const ShardGuard guard(shards_[i].lock);
    sum.good += shards_[i].known.good;
    for (size_t kind = 0; kind < kBadKinds; ++kind) sum.bad[kind] += shards_[i].known.bad[kind];
  }
  return sum;
}

std::vector<ZoneOnBackend> ZoneHealth::Unknown() const {
  std::vector<ZoneOnBackend> sums;
  for (size_t i = 0; i < kShards; ++i) {
    const ShardGuard guard(shards_[i].lock);
    for (const ZoneOnBackend& one : shards_[i].unknown) {
      auto sum = std::ranges::find(sums, one.backend, &ZoneOnBackend::backend);
      if (sum == sums.end()) sum = sums.insert(sums.end(), {.backend = one.backend});
      sum->good += one.good;
      for (size_t kind = 0; kind < kBadKinds; ++kind) sum->bad[kind] += one.bad[kind];
    }
  }
  return sums;
}

}  // namespace breakwater
