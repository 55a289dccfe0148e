// The rows of ZoneHealth, and how they are found; for the files that implement it alone.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <span>
#include <utility>
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

// Whole seconds in 16 bits, for what is never far from now. After 18 hours a moment long past looks
// near again, for as long as it once was.
class ShortTime {
 public:
  ShortTime() = default;
  explicit ShortTime(MonoTime when) : seconds_(static_cast<uint16_t>(when.seconds())) {}
  // Whether it is to come, where it never is more than `longest` seconds away.
  bool IsAhead(MonoTime now, uint32_t longest) const {
    const auto left = static_cast<uint16_t>(seconds_ - static_cast<uint16_t>(now.seconds()));
    return left != 0 && left <= longest;
  }
  // Whether it was in the last `seconds`.
  bool WasWithin(MonoTime now, uint32_t seconds) const {
    return static_cast<uint16_t>(static_cast<uint16_t>(now.seconds()) - seconds_) <= seconds;
  }

 private:
  uint16_t seconds_ = 0;
};

// One backend's answers for one zone.
struct ZoneHealth::Cell {
  uint32_t backend : 22;
  uint32_t told_asked : 1;  // its serial: by the server itself, when asked for it
  uint32_t in_doubt : 1;    // an answer since told an older one
  uint32_t comebacks : 8;   // the backend's, as it told its serial
  uint32_t good;
  uint32_t since_s;
  uint32_t serial;
  uint32_t behind_since_s;  // where it is not behind: since when it has told this serial
  std::array<uint16_t, kBadKinds> kinds;
  uint16_t history;  // the newest is the lowest bit; set: bad
  ShortTime trial;   // where bad: not before this
  ShortTime told;    // its serial
  uint8_t history_length : 5;
  uint8_t is_bad : 1;
  uint8_t has_serial : 1;
  uint8_t answers : 1;  // since it told its serial
  uint8_t last_bad : 4;
  uint8_t older : 1;        // bad for its serial
  uint8_t no_grace : 1;     // it may not be behind for a while: it has told a newer one, say
  uint8_t doubt_ended : 1;  // the answers of the history are the zone's
  uint8_t lost : 1;         // Standing::kLost

  // Good answers in a row, up to the length of the history.
  int GoodRun() const { return std::min<int>(std::countr_zero(history), history_length); }
  void ForgetHistory() {
    history = 0;
    history_length = 0;
  }
};

// One allocation: this, the cells, the zone's name.
struct ZoneHealth::Row {
  uint32_t hash;
  uint32_t serial;  // the newest known
  uint16_t asked;   // halved now and then; for the eviction
  // Since when servers tell older ones, and none tells that; 0: that is not so. In steps of
  // kOlderStep_s, rounded up.
  uint16_t older_since;
  ShortTime turn;  // not before this are servers asked for it
  uint8_t cell_count : 6;
  uint8_t has_serial : 1;
  uint8_t recalled : 1;  // its serial: no server has told it since the start
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
    return std::any_of(all().begin(), all().end(),
                       [](const Cell& cell) { return cell.is_bad != 0; });
  }
  bool IsBehind(const Cell& cell) const {
    return has_serial != 0 && cell.has_serial != 0 && IsOlderSerial(cell.serial, serial);
  }

  // Servers are asked for it in `seconds` at the latest.
  void HurryTurn(MonoTime now, uint32_t seconds, uint32_t interval) {
    if (turn.IsAhead(now, interval) && !turn.IsAhead(now, seconds)) {
      turn = ShortTime(now + MonoTime::FromSeconds(seconds));
    }
  }

  // For how long the newest serial has been told by one that still has it; 0: by none.
  uint32_t NewestFor_s(uint32_t now_s) const {
    uint32_t longest = 0;
    for (const Cell& cell : all()) {
      const bool has_it = has_serial != 0 && cell.has_serial != 0 && cell.serial == serial;
      if (has_it) longest = std::max(longest, now_s - cell.behind_since_s);
    }
    return longest;
  }

  static Row* Make(uint64_t hash, std::span<const uint8_t> name, uint8_t cells) {
    const size_t size = sizeof(Row) + cells * sizeof(Cell) + name.size();
    auto* row = static_cast<Row*>(std::calloc(1, size));
    if (row == nullptr) return nullptr;
    row->hash = static_cast<uint32_t>(hash);
    row->cell_count = cells & 0x3f;
    row->name_length = static_cast<uint8_t>(name.size());
    std::copy(name.begin(), name.end(), row->name_bytes());
    return row;
  }
};

struct alignas(64) ZoneHealth::Shard {
  // Of so many rows the least asked goes.
  static constexpr size_t kEvictionChoices = 16;

  ~Shard() {
    for (Row* row : slots) std::free(row);
  }

  Row* Find(uint64_t hash, std::span<const uint8_t> name) const {
    if (count == 0) return nullptr;
    const auto part = static_cast<uint32_t>(hash);
    for (size_t at = Home(part); slots[at] != nullptr; at = Next(at)) {
      if (slots[at]->hash == part && std::ranges::equal(slots[at]->name(), name)) return slots[at];
    }
    return nullptr;
  }
  void Add(Row* row) {
    if ((count + 1) * 10 > slots.size() * 9) Grow();
    Place(row);
    ++count;
  }
  void Remove(Row* row) {
    size_t hole = SlotOf(row);
    std::free(row);
    --count;
    // What stands behind it moves up, unless that is before its home.
    for (size_t at = Next(hole); slots[at] != nullptr; at = Next(at)) {
      const size_t home = Home(slots[at]->hash);
      if (((at - home) & (slots.size() - 1)) < ((at - hole) & (slots.size() - 1))) continue;
      slots[hole] = slots[at];
      hole = at;
    }
    slots[hole] = nullptr;
  }
  // One more backend; the row moves.
  Row* Widen(Row* row) {
    Row* wider = Row::Make(row->hash, row->name(), static_cast<uint8_t>(row->cell_count + 1));
    if (wider == nullptr) return row;
    wider->asked = row->asked;
    wider->serial = row->serial;
    wider->older_since = row->older_since;
    wider->has_serial = row->has_serial;
    wider->recalled = row->recalled;
    wider->turn = row->turn;
    std::ranges::copy(row->all(), wider->cells());
    slots[SlotOf(row)] = wider;
    std::free(row);
    return wider;
  }
  // The least asked of some, never a bad one; null where there is none to go.
  Row* ToEvict() {
    Row* least = nullptr;
    size_t seen = 0;
    for (size_t i = 0; i < slots.size() && seen < kEvictionChoices; ++i) {
      Row* row = slots[hand++ % slots.size()];
      if (row == nullptr) continue;
      ++seen;
      if (!row->IsBad() && (least == nullptr || row->asked < least->asked)) least = row;
      row->asked /= 2;
    }
    return least;
  }
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (Row* row : slots) {
      if (row != nullptr) visit(row);
    }
  }

  mutable ShardLock lock;
  // Open addressing; a power of two, never full.
  std::vector<Row*> slots;
  size_t count = 0;
  size_t hand = 0;
  std::vector<ZoneOnBackend> unknown;
  Tally known;

 private:
  size_t Home(uint32_t hash) const {
    return (hash * uint64_t{0x9e3779b97f4a7c15} >> 32) & (slots.size() - 1);
  }
  size_t Next(size_t at) const { return (at + 1) & (slots.size() - 1); }
  size_t SlotOf(const Row* row) const {
    size_t at = Home(row->hash);
    while (slots[at] != row) at = Next(at);
    return at;
  }
  void Place(Row* row) {
    size_t at = Home(row->hash);
    while (slots[at] != nullptr) at = Next(at);
    slots[at] = row;
  }
  void Grow() {
    constexpr size_t kFirstSlots = 16;
    std::vector<Row*> old = std::exchange(slots, {});
    slots.resize(std::max(kFirstSlots, old.size() * 2));
    for (Row* row : old) {
      if (row != nullptr) Place(row);
    }
  }
};

// Calls visit(shard, row, labels) for the nearest zone at or above the name, if any, under its
// shard's lock. False where there is none.
template <typename Visit>
bool ZoneHealth::WithZone(const Suffixes& name, Visit&& visit) const {
  for (size_t labels = name.count; labels >= kLeastLabels; --labels) {
    if (!MayHave(labels)) continue;
    const auto zone = name.Last(labels);
    const uint64_t hash = HashOfZone(zone);
    Shard& shard = ShardOf(hash);
    const ShardGuard guard(shard.lock);
    if (Row* row = shard.Find(hash, zone); row != nullptr) {
      visit(shard, row, labels);
      return true;
    }
  }
  return false;
}

}  // namespace breakwater
