// Which queries of our own about zones are worth their price (MECHANISMS.md, 6): to learn the zone
// that a name is in where answers do not tell, once for each parent of long names; and, after a bad
// answer, to find out whether the zone is bad on that server, by a name that nobody has asked for,
// one at a time for each; and the zone's serial on each server, now and then, and before an answer
// of one that came back counts; and, now and then, where a zone is bad that no client asks for,
// whether it is yet. All ask for a SOA record. Bounded in rate and memory. Knows no sockets:
// QueryPath sends (own_questions.cc). One a worker, on its thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/base/timer_queue.h"
#include "proxy/base/token_bucket.h"
#include "proxy/dns/name.h"
#include "proxy/query/query_sink.h"

namespace breakwater {

struct ZoneQuestion {
  dns::Name name;
  BackendPtr backend;
  std::string pool;
  size_t zone_labels = name.CountLabels();  // of the apex of the zone that it is about
};
// The last `labels` of a name.
dns::Name ZoneOf(dns::Name name, size_t labels);

class ZoneQuestions {
 public:
  static constexpr MonoTime kPause = MonoTime::FromSeconds(1);
  static constexpr size_t kMostDoubts = 5000;
  static constexpr double kLearnedASecond = 100;
  static constexpr double kDoubtsASecond = 500;
  static constexpr double kSilencesASecond = 20;
  static constexpr double kSerialsASecond = 500;
  static constexpr double kProofsASecond = 2000;  // each for an answer that waits for it
  static constexpr MonoTime kTrialPause = MonoTime::FromSeconds(5);
  static constexpr size_t kTrialsAPause = 100;

  // `ask` is called on the timer's turn. `timers` must outlive it.
  ZoneQuestions(TimerQueue& timers, std::function<void(const ZoneQuestion&)> ask);
  ~ZoneQuestions();
  ZoneQuestions(const ZoneQuestions&) = delete;
  ZoneQuestions& operator=(const ZoneQuestions&) = delete;

  // Whether to ask now for the zone that `name`, in wire form, is in.
  bool MayLearn(std::span<const uint8_t> name, MonoTime now);
  // Nothing came of that. Whether to ask once more: kLearningTries times for a parent.
  bool MayLearnAgain(std::span<const uint8_t> name);
  // Something came of it.
  void EndLearning(std::span<const uint8_t> name);
  // The next one may ask as if nobody had.
  void ForgetLearning(std::span<const uint8_t> name);
  // Asks `question.backend` how it is, unless that is being found out: at once, or in kPause from
  // now where it was asked a moment ago. False where there is no room for that.
  bool Doubt(const ZoneQuestion& question, MonoTime now);
  // Whether a doubt about silence may go beside the budget for retries: else a server that is
  // silent for many zones uses that up before any of them is known to be bad there. So few feed no
  // brown-out.
  bool MayDoubtSilence(MonoTime now) { return silences_.Take(now); }
  // Doubt() in kPause from now in any case.
  void DoubtLater(const ZoneQuestion& question, MonoTime now);
  // Its answer came, or none.
  void EndDoubt(const dns::Name& zone, const Backend& backend, MonoTime now);
  // Calls `try_again` in kTrialPause from now, and so on for as long as it says that there is more
  // to try. Does nothing where that goes on already.
  void TryAgainLater(MonoTime now, std::function<bool()> try_again);
  // Whether one more server may be asked for a serial now.
  bool MayAskSerial(MonoTime now) { return serials_.Take(now); }
  // An answer of `flight` waits for the serial of `zone` there.
  enum class Proof : uint8_t {
    kAsk,      // the caller is to ask for it
    kIsAsked,  // by somebody before
    kNone      // there are too many: nothing waits
  };
  Proof AwaitSerial(const ZoneQuestion& question, FlightId flight, MonoTime now);
  // A question to that server for the zone's serial has ended, in whatever way. Gives the flights
  // that wait for it.
  [[nodiscard]] std::vector<FlightId> EndSerial(const dns::Name& zone, const Backend& backend);

 private:
  static constexpr size_t kAskedSlots = 4096;
  static constexpr int kLearningTries = 3;
  struct Doubted {
    MonoTime when;
    ZoneQuestion question;
  };
  struct Doubter {
    bool open = false;  // its answer is awaited
    MonoTime next;      // where it is not: before this it is not asked again
  };
  void Put(const ZoneQuestion& question, MonoTime now);
  void AskDue(MonoTime now);
  void Arm();

  TimerQueue& timers_;
  std::function<void(const ZoneQuestion&)> ask_;
  TokenBucket learning_{kLearnedASecond, kLearnedASecond};
  TokenBucket doubting_{kDoubtsASecond, kDoubtsASecond};
  TokenBucket silences_{kSilencesASecond, kSilencesASecond};
  TokenBucket serials_{kSerialsASecond, kSerialsASecond};
  TokenBucket proofs_{kProofsASecond, kProofsASecond};
  // Parents asked for, by hash; a later one takes the place of another.
  std::vector<uint64_t> asked_ = std::vector<uint64_t>(kAskedSlots);
  absl::flat_hash_map<uint64_t, int> tries_;         // of those whose answers were lost; bounded
  std::deque<Doubted> doubts_;                       // in order of time
  absl::flat_hash_map<uint64_t, Doubter> doubters_;  // by zone and server; bounded
  // By zone and server: who waits for the serial.
  absl::flat_hash_map<uint64_t, std::vector<FlightId>> waiting_;
  TimerId timer_ = 0;
  TimerId trial_timer_ = 0;
};

}  // namespace breakwater
