// The rows of ZoneHealth, and how they are found; for the files that implement it alone.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <vector>

#include "proxy/backend/zone_health.h"
#include "proxy/base/hash.h"
#include "proxy/base/shard_lock.h"

namespace breakwater {

// The root and top-level domains are nobody's zone here.
inline constexpr size_t kLeastLabels = 2;

inline uint64_t HashOfZone(std::span<const uint8_t> folded) {
  return HashBytes(folded, ProcessHashSeed() ^ 0x5a4f4e45);
}

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
  // Of so many rows the least asked goes.
  static constexpr size_t kEvictionChoices = 16;

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

// shard's lock. False where there is none.
template <typename Visit>
bool ZoneHealth::WithZone(const Suffixes& name, Visit&& visit) const {
  for (size_t labels = name.count; labels >= kLeastLabels; --labels) {
    if (!MayHave(labels)) continue;
    const auto zone = name.Last(labels);
    const uint64_t hash = HashOfZone(zone);
    Shard& shard = ShardOf(hash);
    const ShardGuard guard(shard.lock);
    if (Row* row = shard.Find({hash, zone}); row != nullptr) {
      visit(shard, row, labels);
      return true;
    }
  }
  return false;
}

}  // namespace breakwater
