// A list of names flushed at a pace (MECHANISMS.md, 3): so many a second, each asked for at the
// servers after it was flushed, and stopped when the answers turn bad. It knows neither sockets nor
// caches nor the clock: Step() is called when it is due, with the time. Control thread alone.
//
//   kLoading → kRunning → kSettling (the last answers are awaited) → kDone
//                    ↘ kUndoing (undo-on-stop) ↘ kStopped
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/zone_health.h"
#include "proxy/base/clock.h"
#include "proxy/cache/flush_line.h"
#include "proxy/control/stop_condition.h"

namespace breakwater {

// What the list is to do.
struct ListFlushPlan {
  double rate = 0;  // flushes a second; 0: as fast as it goes
  std::vector<StopCondition> stop_on{};
  bool undo_on_stop = false;
  std::optional<std::string> pool{};  // that pool's cache alone
  std::string made_by{};              // the token of the control socket; empty: none
};

// What a server said to the question about a name just flushed.
struct ProbeAnswer {
  std::optional<BadKind> bad{};
  bool nxdomain = false;
  bool counts = true;  // false: it could not be asked, for reasons of our own
};

// kShareUsedUp: whoever made the list holds too many flushes already; the list stops.
enum class ListFlushOutcome : uint8_t { kMade, kNoCache, kShareUsedUp };

class ListFlush {
 public:
  static constexpr MonoTime kTick = MonoTime::FromMs(20);
  static constexpr size_t kMostAtOnce = 4096;      // flushes, undos a step
  static constexpr size_t kMostLines = 1'000'000;  // so many can be undone in a cache

  struct Hooks {
    // Makes a flush under this number.
    std::function<ListFlushOutcome(uint64_t id, const FlushRequest& request)> flush;
    std::function<bool(uint64_t id)> undo;
    std::function<uint64_t(uint64_t count)> reserve_ids;
    // Asks the servers for the name; how many questions that makes. Each is answered by one
    // OnProbe(), not from within.
    std::function<size_t(const dns::Name& name)> probe;
    std::function<bool()> may_probe;  // false: too many questions are open
    std::function<ZoneHealth::Tally()> clients;
  };
  enum class State : uint8_t { kLoading, kRunning, kSettling, kUndoing, kDone, kStopped };

  ListFlush(ListFlushPlan plan, Hooks hooks) : plan_(std::move(plan)), hooks_(std::move(hooks)) {}

  // kLoading: takes lines that were parsed before, with a newline each. False where there are too
  // many.
  bool AddLines(std::string_view lines, size_t count);
  void Run(MonoTime now);
  // Does what is due; when it is due again, nothing once it is over.
  std::optional<MonoTime> Step(MonoTime now);
  void OnProbe(const ProbeAnswer& answer);
  // Somebody wants it to end; with undo_on_stop, or where it is asked for, what was flushed is
  // taken back. Step() is due at once.
  enum class Undo : uint8_t { kAsPlanned, kYes };
  void Stop(std::string_view why, Undo undo);

  const ListFlushPlan& plan() const { return plan_; }
  State state() const { return state_; }
  size_t bytes() const { return lines_.size(); }  // held
  bool IsOver() const { return state_ == State::kDone || state_ == State::kStopped; }
  struct Progress {
    uint64_t total = 0, done = 0, failed = 0;  // lines; flushed; without a cache to flush
    uint64_t first_id = 0;                     // 0: none was made
    uint64_t undone = 0, not_undone = 0;
    uint64_t asked = 0, open = 0;  // questions
    AnswerTally probes;
    AnswerTally clients;
    MonoTime took;
    std::string why;  // kStopped, kUndoing
    bool by_condition = false;
  };
  const Progress& progress() const { return progress_; }

 private:
  std::string_view NextLine();
  void Watch(MonoTime now);
  void FlushDue(MonoTime now);
  void FlushOne(std::string_view line);
  void UndoSome();
  void End(State state);

  const ListFlushPlan plan_;
  const Hooks hooks_;
  State state_ = State::kLoading;
  Progress progress_;
  std::string lines_;
  size_t at_ = 0;  // in lines_
  MonoTime began_;
  MonoTime due_;            // of the next flush
  uint64_t undo_next_ = 0;  // lines from the end that were looked at
  AnswerTally new_probes_;  // since the last Watch()
  ZoneHealth::Tally seen_;  // of clients
  AnswerWindow window_;
};

std::string_view StateName(ListFlush::State state);

}  // namespace breakwater
