// Health by zone (FEATURES.md, 3; MECHANISMS.md, 5 and 6): how each backend answers for each zone,
// counted over answers that did not come from a cache. Zones are learned from good answers with
// authority, never configured; a flood of made-up names makes none, for what has no zone yet is
// counted in one row per backend.
//
// A zone is bad on a backend when `bad` of its last `of` answers there were, and good again after
// `good` good ones in a row. Bounded: where `max_zones` are known the least asked goes first, a bad
// one never. Shared by all workers; all methods from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/cache/last_good.h"
#include "proxy/dns/name.h"

namespace breakwater {

// setZoneHealth.
struct ZoneHealthSettings {
  enum class Failover : uint8_t { kAuto, kOn, kOff };  // kAuto: where tiers or lastGood are
  Failover failover = Failover::kAuto;
  bool ask = true;  // where it decides who is asked: questions of our own (zone_questions.h)
  size_t max_zones = 100'000;
  uint8_t bad = 3, of = 5, good = 2;  // `of` at most 16
  bool operator==(const ZoneHealthSettings&) const = default;
};

// How one backend answers for one zone.
struct ZoneOnBackend {
  BackendNumber backend = 0;
  bool is_bad = false;
  BadKind last_bad{};                     // valid where a bad answer was counted
  MonoTime since{};                       // of the present state; whole seconds
  uint64_t good = 0;                      // answers
  std::array<uint64_t, kBadKinds> bad{};  // by kind; the highest 16-bit count means "or more"
  uint64_t AllBad() const;
};

struct ZoneReport {
  dns::Name zone;
  std::vector<ZoneOnBackend> backends{};
  bool IsBad() const;
};

// A zone turned bad or good on a backend.
struct ZoneChange {
  dns::Name zone;
  BackendNumber backend = 0;
  bool is_bad = false;
  BadKind kind{};  // the last bad answer's
  MonoTime when;
};

class ZoneHealth {
 public:
  // While a zone is bad on a backend one query in so long goes there all the same.
  static constexpr MonoTime kTrialEvery = MonoTime::FromSeconds(5);
  // Changes that nobody took are forgotten beyond so many.
  static constexpr size_t kMostChanges = 10'000;

  explicit ZoneHealth(const ZoneHealthSettings& settings = {});
  ~ZoneHealth();
  ZoneHealth(const ZoneHealth&) = delete;
  ZoneHealth& operator=(const ZoneHealth&) = delete;

  void UseSettings(const ZoneHealthSettings& settings);

  struct Answer {
    std::span<const uint8_t> name;  // the one asked, wire form, any case
    BackendNumber backend = 0;
    std::optional<BadKind> bad{};  // nothing: it was good
    bool authoritative = false;    // of a good one
    uint8_t apex_labels = 0;       // and then its zone's; 0: it does not say
    MonoTime now;
  };
  // What a SOA query would tell that this answer has not told.
  enum class Wish : uint8_t {
    kNone,
    kApex,      // a good answer that does not name its zone; none is known right above the name
    kCertainty  // a bad one, where the zone is not bad on that backend yet
  };
  struct Noted {
    Wish wish = Wish::kNone;
    uint8_t apex_labels = 0;  // of the zone that it was counted for; 0: none is known
  };
  Noted Note(const Answer& answer);

  // Labels of the apex of the zone that `name` is in; 0 where none is known.
  uint8_t ApexOf(std::span<const uint8_t> name) const;

  bool AnyBad() const { return bad_count_.load(std::memory_order_relaxed) != 0; }
  // Whether a query for `name` should go elsewhere, if it can. Lets one through now and then.
  bool Avoids(std::span<const uint8_t> name, BackendNumber backend, MonoTime now);

  // Whether its zone is bad there; lets none through.
  bool IsBad(std::span<const uint8_t> name, BackendNumber backend) const;
  // The zone that `name` is in; nothing where none is known.
  std::optional<ZoneReport> Peek(std::span<const uint8_t> name) const;

  // These zones, and those below them, are meant to be gone.
  void Forget(std::span<const dns::Name> zones);

  // What changed since the last call, in order.
  std::vector<ZoneChange> TakeChanges();

  enum class Which : uint8_t { kAll, kBad };
  std::vector<ZoneReport> Report(Which which, size_t most) const;
  // Answers so far for known zones, of servers that were not bad for them: what changes in them is
  // news.
  struct Tally {
    uint64_t good = 0;
    std::array<uint64_t, kBadKinds> bad{};
  };
  Tally AnswersOfKnownZones() const;
  // Answers for names whose zone is not known.
  std::vector<ZoneOnBackend> Unknown() const;
  size_t zone_count() const { return zone_count_.load(std::memory_order_relaxed); }
  // Zones that are bad on some backend, counted once for each.
  size_t bad_count() const { return bad_count_.load(std::memory_order_relaxed); }

 private:
  struct Cell;
  struct Row;
  struct Shard;
  struct Suffixes;
  static constexpr size_t kShards = 64;

  template <typename Visit>
  bool WithZone(const Suffixes& name, Visit&& visit) const;
  Shard& ShardOf(uint64_t hash) const;
  bool MayHave(size_t labels) const;
  bool Learn(std::span<const uint8_t> zone);
  Cell& CellOf(Shard& shard, Row*& row, BackendNumber backend);
  Wish Count(Shard& shard, Row* row, const Answer& answer);
  void CountUnknown(const Answer& answer);
  bool IsBad(const Cell& cell) const;
  void Turn(const Row& row, Cell& cell, MonoTime now);
  static ZoneOnBackend Describe(const Cell& cell);

  std::unique_ptr<Shard[]> shards_;
  std::atomic<size_t> max_zones_;
  std::atomic<uint32_t> thresholds_;  // bad, of, good: a byte each
  std::atomic<size_t> zone_count_{0};
  std::atomic<size_t> bad_count_{0};
  // By count of labels: where no zone of that depth is known, none is looked for.
  std::array<std::atomic<uint64_t>, 2> depths_{};
  Guarded<std::vector<ZoneChange>> changes_;
};

}  // namespace breakwater
