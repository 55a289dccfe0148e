// Health by zone (FEATURES.md, 3; MECHANISMS.md, 5 and 6): how each backend answers for each zone,
// counted over answers that did not come from a cache. Zones are learned from good answers with
// authority, never configured; a flood of made-up names makes none, for what has no zone yet is
// counted in one row per backend.
//
// A zone is bad on a backend when `bad` of its last `of` answers there were, and an answer to a
// question of our own as well: one name without an answer, a loop of CNAMEs say, makes no zone bad.
// It is good again after `good` good ones in a row. Where serials count it is bad as well, and at
// once, while the serial that the backend told last stands behind the newest that any has told:
// after a while, or at once where it has told a newer one itself. Servers of all pools are
// compared. Bounded: where `max_zones` are known the least asked goes first, a bad one never.
// Shared by all workers; all methods from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/backend/zone_serials.h"
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
  uint8_t bad = 3, of = 5, good = 2;  // `of` and `good` at most 16
  ZoneSerialSettings serials{};
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
  std::optional<ToldSerial> serial{};     // where serials count, and it has told one
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
  std::optional<ToldSerial> serial{};  // of that server
  bool accepted = false;               // good, for its older serial counts as meant from now on
};

class ZoneHealth {
 public:
  // While a zone is bad on a backend one query in so long goes there all the same.
  static constexpr MonoTime kTrialEvery = MonoTime::FromSeconds(5);
  // Where no query has tried for so long, a question of our own may.
  static constexpr uint32_t kQuiet_s = 30;
  // Changes that nobody took are forgotten beyond so many.
  static constexpr size_t kMostChanges = 10'000;

  explicit ZoneHealth(const ZoneHealthSettings& settings = {});
  ~ZoneHealth();
  ZoneHealth(const ZoneHealth&) = delete;
  ZoneHealth& operator=(const ZoneHealth&) = delete;

  void UseSettings(const ZoneHealthSettings& settings);

  // Whether it says enough of the zone: a bad one may be the fault of the name asked.
  enum class Word : uint8_t {
    kLast,     // nobody asks again: `bad` of the last `of` decide
    kDoubted,  // a question of our own for another name follows, and has to fail as well
    kDoubt     // the answer to that; a good one takes back the bad ones before it
  };
  struct Answer {
    std::span<const uint8_t> name;  // the one asked, wire form, any case
    BackendNumber backend = 0;
    std::optional<BadKind> bad{};  // nothing: it was good
    bool authoritative = false;    // of a good one
    uint8_t apex_labels = 0;       // and then its zone's; 0: it does not say; or, of one that says
                                   // that its zone has vanished, that of the zone that denies it
    MonoTime now;
    Word word = Word::kLast;
  };
  // What a SOA query would tell that this answer has not told.
  enum class Wish : uint8_t {
    kNone,
    kApex,      // a good answer that does not name its zone; none is known right above the name
    kCertainty  // a bad one, where the zone is not bad on that backend yet
  };
  struct Noted {
    Wish wish = Wish::kNone;
    uint8_t apex_labels = 0;   // of the zone that it was counted for; 0: none is known
    bool serials_due = false;  // servers are to be asked for that zone's serial: TakeSerialTurn()
  };
  Noted Note(const Answer& answer);
  // There is no question of our own to be had: bad answers are taken for the zone's.
  void EndDoubt(std::span<const uint8_t> name, BackendNumber backend, MonoTime now);

  // --- serials; for nothing where they do not count
  struct Asked {
    std::span<const uint8_t> name;  // wire form, any case
    BackendNumber backend = 0;
    uint32_t comebacks = 0;  // HealthState::comebacks() of that backend
    MonoTime now;
    bool standby = false;  // its word alone is not taken for what is meant
  };
  // A good authoritative answer has a SOA with so many labels. To be told before Note(), once.
  void TellSerial(const Asked& asked, uint8_t apex_labels, uint32_t serial,
                  SerialSource source = SerialSource::kServer);
  enum class Standing : uint8_t {
    kCurrent,   // or nothing is known
    kOlder,     // it stands behind, for longer than it may
    kUnproved,  // it has told no serial of the zone since it came back, while one is known; or an
                // older one so long ago that it may have caught up; or in an answer that may come
                // from a cache of its own
    kLost,      // it has answered for a zone above in the place of this one, which it has not told
                // a SOA record of since: what it says may be a wildcard's; or another has, and this
                // one has told none just now
  };
  struct StandingFor {
    Standing standing = Standing::kCurrent;
    uint8_t apex_labels = 0;  // of the zone
    bool behind = false;      // at all, if only for a moment
  };
  StandingFor StandingOf(const Asked& asked) const;
  // Whether the caller is to ask all servers for the serial of the zone with this apex; then nobody
  // else is for a while.
  bool TakeSerialTurn(std::span<const uint8_t> apex, MonoTime now);
  // Something has changed in the zone that `name` is in: serials are due.
  void ExpectNewSerial(std::span<const uint8_t> name, MonoTime now);
  // The operator says that all is repaired: where all servers of a zone agree from now on, that is
  // meant, though it is older than what one has told before.
  void ExpectRepair(MonoTime now);

  // A zone that was known before, to a snapshot say: learned where there is room for one more.
  void Recall(std::span<const uint8_t> apex);
  // The same, with the newest serial that was known of it: who tells an older one has no grace.
  void RecallSerial(const KnownSerial& known, MonoTime now);
  // Gives the newest serial of each zone that has one; under a lock, not for long work.
  void EachSerial(MonoTime now, const std::function<void(const KnownSerial&)>& give) const;

  // Labels of the apex of the zone that `name` is in; 0 where none is known.
  uint8_t ApexOf(std::span<const uint8_t> name) const;

  bool AnyBad() const { return bad_count_.load(std::memory_order_relaxed) != 0; }
  // Whether a query for `name` should go elsewhere, if it can. Lets one through now and then.
  bool Avoids(std::span<const uint8_t> name, BackendNumber backend, MonoTime now);

  // Zones that are bad on a server where nobody has tried for kQuiet_s: the caller is to ask it. At
  // most `most`; the next call goes on where this one ended.
  struct Trial {
    dns::Name zone;
    BackendNumber backend = 0;
  };
  std::vector<Trial> TakeTrials(size_t most, MonoTime now);
  // That backend does not hold the zone, and is not meant to: nothing is held against it.
  void Excuse(std::span<const uint8_t> name, BackendNumber backend, MonoTime now);

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
  enum class WhenFull : uint8_t { kEvict, kLeave };
  bool Learn(std::span<const uint8_t> zone, WhenFull when_full = WhenFull::kEvict);
  Cell& CellOf(Shard& shard, Row*& row, BackendNumber backend);
  struct ToldNow {
    uint32_t serial;
    SerialSource source;
    bool came_back;  // since it told the one before
    MonoTime now;
  };
  bool Believes(Row& row, Cell& cell, const ToldNow& told) const;
  void TakeSerial(Row& row, Cell& cell, const ToldNow& told);
  bool ComesLate(const Row& row, const Cell& cell, MonoTime now) const;
  bool StandsBehindTooLong(const Row& row, const Cell& cell, MonoTime now) const;
  bool MayAccept(const Row& row, uint32_t serial, MonoTime now) const;
  void NoteOlder(Row& row, const Cell& cell, MonoTime now) const;
  uint32_t Lately_s() const;
  void Accept(Row& row, uint32_t serial, MonoTime now);
  void Review(const Row& row, Cell& cell, MonoTime now);
  Noted Count(Shard& shard, Row* row, size_t labels, const Answer& answer);
  void CountUnknown(const Answer& answer);
  bool IsBad(const Cell& cell) const;
  void Turn(const Row& row, Cell& cell, MonoTime now);
  static ZoneOnBackend Describe(const Row& row, const Cell& cell);
  static std::optional<ToldSerial> SerialOf(const Row& row, const Cell& cell);
  bool SerialsCount() const { return serials_on_.load(std::memory_order_relaxed); }

  std::unique_ptr<Shard[]> shards_;
  std::atomic<size_t> max_zones_;
  std::atomic<uint32_t> thresholds_;  // bad, of, good: a byte each
  std::atomic<bool> serials_on_{false};
  std::atomic<uint32_t> lag_s_{0}, interval_s_{0}, accept_s_{0};
  std::atomic<size_t> zone_count_{0};
  std::atomic<size_t> bad_count_{0};
  // By count of labels: where no zone of that depth is known, none is looked for.
  std::array<std::atomic<uint64_t>, 2> depths_{};
  Guarded<std::vector<ZoneChange>> changes_;
  struct TrialCursor {
    size_t shard = 0, slot = 0;
  };
  Guarded<TrialCursor> trials_;
};

}  // namespace breakwater
