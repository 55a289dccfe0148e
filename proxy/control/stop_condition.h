// When a list of flushes is to stop by itself: "refused>1%". Counted are the answers to the SOA
// question about each name just flushed (probes), and what clients got from servers meanwhile for
// zones that had been good; a condition is met by either of the two or by both together, so that
// many of one cannot hide the few of the other. Values and pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"
#include "proxy/cache/last_good.h"

namespace breakwater {

// Answers by what they are.
struct AnswerTally {
  uint64_t all = 0;
  std::array<uint64_t, kBadKinds> bad{};
  uint64_t nxdomain = 0;  // of probes alone: clients ask for names that are not there all day

  uint64_t AllBad() const;
  AnswerTally& operator+=(const AnswerTally& other);
  AnswerTally operator-(const AnswerTally& earlier) const;
};

struct StopCondition {
  std::string text;    // as it was written
  uint16_t kinds = 0;  // a bit for each BadKind
  bool nxdomain = false;
  double percent = 0;  // more than this

  uint64_t CountIn(const AnswerTally& tally) const;
};

// KIND>N%, KIND one of lastGood's names of bad answers, `bad` (all of them) or `nxdomain`.
TextResult<StopCondition> ParseStopCondition(std::string_view text);

// The last ten seconds of answers, of probes and of clients each; more where those are fewer than
// the least that decides, so that a slow pace decides as well.
class AnswerWindow {
 public:
  static constexpr uint64_t kLeast = 20;  // answers, before anything is decided
  static constexpr MonoTime kSpan = MonoTime::FromSeconds(10);

  void Add(const AnswerTally& probes, const AnswerTally& clients, MonoTime now);
  // Which condition is met, as a sentence; empty: none.
  std::string Met(const std::vector<StopCondition>& conditions) const;

 private:
  struct Slot {
    MonoTime when;
    AnswerTally tally;
  };
  struct Group {
    std::deque<Slot> slots;
    AnswerTally sum;
    void Add(const AnswerTally& tally, MonoTime now);
  };
  Group probes_;
  Group clients_;
};

}  // namespace breakwater
