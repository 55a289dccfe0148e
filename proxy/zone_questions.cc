#include "proxy/zone_questions.h"

#include <array>
#include <utility>

#include "proxy/base/hash.h"

namespace breakwater {
namespace {

uint64_t HashOf(std::span<const uint8_t> name, uint64_t salt) {
  std::array<uint8_t, dns::kMaxNameLength> folded;
  dns::FoldInto(name, folded.data());
  return HashBytes(std::span(folded).first(name.size()), ProcessHashSeed() ^ salt);
}

uint64_t KeyOf(const dns::Name& zone, const Backend& backend) {
  return HashOf(zone.wire(), backend.number());
}

// Names of few labels stand for themselves: the parents of zones are registries, co.uk say.
size_t ParentStart(std::span<const uint8_t> name) {
  constexpr size_t kFewLabels = 3;
  size_t labels = 0;
  for (size_t at = 0; name[at] != 0; at += 1u + name[at]) ++labels;
  return labels > kFewLabels ? 1u + name[0] : 0;
}

uint64_t HashOfParent(std::span<const uint8_t> name) {
  return HashOf(name.subspan(ParentStart(name)), 0x534f41);
}

}  // namespace

ZoneQuestions::ZoneQuestions(TimerQueue& timers, std::function<void(const ZoneQuestion&)> ask)
    : timers_(timers), ask_(std::move(ask)) {}

ZoneQuestions::~ZoneQuestions() {
  timers_.Cancel(timer_);
  timers_.Cancel(trial_timer_);
}

bool ZoneQuestions::MayLearn(std::span<const uint8_t> name, MonoTime now) {
  const uint64_t hash = HashOfParent(name);
  uint64_t& slot = asked_[hash % kAskedSlots];
  if (slot == hash || !learning_.Take(now)) return false;
  slot = hash;
  return true;
}

bool ZoneQuestions::MayLearnAgain(std::span<const uint8_t> name) {
  if (tries_.size() >= kAskedSlots) tries_.clear();
  return ++tries_[HashOfParent(name)] <= kLearningTries;
}

void ZoneQuestions::EndLearning(std::span<const uint8_t> name) {
  if (!tries_.empty()) tries_.erase(HashOfParent(name));
}

void ZoneQuestions::ForgetLearning(std::span<const uint8_t> name) {
  EndLearning(name);
  const uint64_t hash = HashOfParent(name);
  uint64_t& slot = asked_[hash % kAskedSlots];
  if (slot == hash) slot = 0;
}

dns::Name ZoneOf(dns::Name name, size_t labels) {
  while (name.CountLabels() > labels) name.ChopOff();
  return name;
}

bool ZoneQuestions::Doubt(const ZoneQuestion& question, MonoTime now) {
  const uint64_t key = KeyOf(ZoneOf(question.name, question.zone_labels), *question.backend);
  const auto found = doubters_.find(key);
  const bool known = found != doubters_.end() && (found->second.open || found->second.next > now);
  if (known && found->second.open) return true;
  // What was asked a moment ago was asked: it is no matter whether it is again.
  if (doubts_.size() >= kMostDoubts || !doubting_.Take(now)) return known;
  if (doubters_.size() >= 2 * kMostDoubts) {
    absl::erase_if(doubters_,
                   [&](const auto& one) { return !one.second.open && one.second.next <= now; });
  }
  doubters_[key].open = true;
  if (known) {
    Put(question, now);
  } else {
    ask_(question);
  }
  return true;
}

void ZoneQuestions::DoubtLater(const ZoneQuestion& question, MonoTime now) {
  Doubter& doubter =
      doubters_[KeyOf(ZoneOf(question.name, question.zone_labels), *question.backend)];
  if (!doubter.open) doubter.next = now + kPause;
  (void)Doubt(question, now);
}

void ZoneQuestions::Put(const ZoneQuestion& question, MonoTime now) {
  doubts_.push_back({now + kPause, question});
  Arm();
}

void ZoneQuestions::TryAgainLater(MonoTime now, std::function<bool()> try_again) {
  if (trial_timer_ != 0) return;
  const MonoTime when = now + kTrialPause;
  trial_timer_ = timers_.Add(when, [this, when, try_again = std::move(try_again)] {
    trial_timer_ = 0;
    if (try_again()) TryAgainLater(when, try_again);
  });
}

ZoneQuestions::Proof ZoneQuestions::AwaitSerial(const ZoneQuestion& question, FlightId flight,
                                                MonoTime now) {
  const uint64_t key = KeyOf(question.name, *question.backend);
  if (const auto found = waiting_.find(key); found != waiting_.end()) {
    found->second.push_back(flight);
    return Proof::kIsAsked;
  }
  if (!proofs_.Take(now)) return Proof::kNone;
  waiting_[key].push_back(flight);
  return Proof::kAsk;
}

void ZoneQuestions::EndDoubt(const dns::Name& zone, const Backend& backend, MonoTime now) {
  const auto found = doubters_.find(KeyOf(zone, backend));
  if (found != doubters_.end()) found->second = {.open = false, .next = now + kPause};
}

std::vector<FlightId> ZoneQuestions::EndSerial(const dns::Name& zone, const Backend& backend) {
  const auto found = waiting_.find(KeyOf(zone, backend));
  if (found == waiting_.end()) return {};
  std::vector<FlightId> flights = std::move(found->second);
  waiting_.erase(found);
  return flights;
}

void ZoneQuestions::Arm() {
  if (timer_ != 0 || doubts_.empty()) return;
  const MonoTime when = doubts_.front().when;
  timer_ = timers_.Add(when, [this, when] {
    timer_ = 0;
    AskDue(when);
    Arm();
  });
}

void ZoneQuestions::AskDue(MonoTime now) {
  while (!doubts_.empty() && doubts_.front().when <= now) {
    const ZoneQuestion question = std::move(doubts_.front().question);
    doubts_.pop_front();
    ask_(question);
  }
}

}  // namespace breakwater
