#include "proxy/control/list_flush.h"

#include <algorithm>
#include <utility>

namespace breakwater {
namespace {

// A control thread that was held up does not make up for more than this.
constexpr MonoTime kMostBehind = MonoTime::FromMs(100);

AnswerTally Since(const ZoneHealth::Tally& now, const ZoneHealth::Tally& before) {
  AnswerTally tally;
  tally.all = now.good - before.good;
  for (size_t i = 0; i < kBadKinds; ++i) {
    tally.bad[i] = now.bad[i] - before.bad[i];
    tally.all += tally.bad[i];
  }
  return tally;
}

}  // namespace

std::string_view StateName(ListFlush::State state) {
  switch (state) {
    case ListFlush::State::kLoading:
      return "loading";
    case ListFlush::State::kRunning:
      return "running";
    case ListFlush::State::kSettling:
      return "settling";
    case ListFlush::State::kUndoing:
      return "undoing";
    case ListFlush::State::kDone:
      return "done";
    case ListFlush::State::kStopped:
      return "stopped";
  }
  return "";
}

bool ListFlush::AddLines(std::string_view lines, size_t count) {
  if (progress_.total + count > kMostLines) return false;
  lines_ += lines;
  progress_.total += count;
  return true;
}

void ListFlush::Run(MonoTime now) {
  state_ = State::kRunning;
  began_ = due_ = now;
  if (progress_.total > 0) progress_.first_id = hooks_.reserve_ids(progress_.total);
  if (!plan_.stop_on.empty()) seen_ = hooks_.clients();
}

std::optional<MonoTime> ListFlush::Step(MonoTime now) {
  if (state_ == State::kLoading || IsOver()) return std::nullopt;
  progress_.took = now - began_;
  Watch(now);
  if (state_ == State::kRunning) FlushDue(now);
  if (state_ == State::kUndoing) UndoSome();
  if (state_ == State::kSettling && progress_.open == 0) End(State::kDone);
  if (IsOver()) return std::nullopt;
  const bool hurries = state_ == State::kUndoing || (state_ == State::kRunning && plan_.rate == 0);
  // In a later turn of the loop, so that others get theirs.
  return now + (hurries ? MonoTime::FromUs(1) : kTick);
}

void ListFlush::OnProbe(const ProbeAnswer& answer) {
  --progress_.open;
  if (!answer.counts) return;
  ++new_probes_.all;
  if (answer.bad) ++new_probes_.bad[static_cast<size_t>(*answer.bad)];
  if (answer.nxdomain) ++new_probes_.nxdomain;
}

void ListFlush::Watch(MonoTime now) {
  if (plan_.stop_on.empty() || (state_ != State::kRunning && state_ != State::kSettling)) return;
  const ZoneHealth::Tally tally = hooks_.clients();
  const AnswerTally clients = Since(tally, seen_);
  seen_ = tally;
  const AnswerTally probes = std::exchange(new_probes_, {});
  progress_.probes += probes;
  progress_.clients += clients;
  window_.Add(probes, clients, now);
  const std::string met = window_.Met(plan_.stop_on);
  if (met.empty()) return;
  progress_.by_condition = true;
  Stop(met, Undo::kAsPlanned);
}

std::string_view ListFlush::NextLine() {
  const size_t end = std::min(lines_.find('\n', at_), lines_.size());
  const std::string_view line(lines_.data() + at_, end - at_);
  at_ = std::min(end + 1, lines_.size());
  return line;
}

void ListFlush::FlushDue(MonoTime now) {
  const auto gap = plan_.rate > 0 ? MonoTime{static_cast<int64_t>(1e9 / plan_.rate)} : MonoTime{};
  due_ = std::max(due_, now - kMostBehind);
  for (size_t i = 0; i < kMostAtOnce && at_ < lines_.size() && state_ == State::kRunning; ++i) {
    if (due_ > now || (!plan_.stop_on.empty() && !hooks_.may_probe())) return;
    due_ = due_ + gap;
    FlushOne(NextLine());
  }
  if (state_ == State::kRunning && at_ >= lines_.size())
    End(plan_.stop_on.empty() ? State::kDone : State::kSettling);
}

void ListFlush::FlushOne(std::string_view line) {
  const auto request = ParseFlushLine(line, {});
  if (!request || !*request) return;
  const uint64_t id = progress_.first_id + progress_.done + progress_.failed;
  const ListFlushOutcome outcome = hooks_.flush(id, **request);
  if (outcome == ListFlushOutcome::kShareUsedUp) {
    return Stop("the share of flushes of its maker is used up", Undo::kAsPlanned);
  }
  if (outcome == ListFlushOutcome::kNoCache) {
    ++progress_.failed;
    return;
  }
  ++progress_.done;
  if (plan_.stop_on.empty()) return;
  const size_t questions = hooks_.probe((*request)->name);
  progress_.asked += questions;
  progress_.open += questions;
  // Nobody is there to be asked: what clients would get is nothing.
  if (questions == 0) {
    ++new_probes_.all;
    ++new_probes_.bad[static_cast<size_t>(BadKind::kTimeout)];
  }
}

void ListFlush::End(State state) {
  state_ = state;
  if (IsOver()) std::string().swap(lines_);
}

void ListFlush::Stop(std::string_view why, Undo undo) {
  if (IsOver() || state_ == State::kUndoing) return;
  progress_.why = why;
  const bool takes_back = plan_.undo_on_stop || undo == Undo::kYes;
  End(takes_back && progress_.done > 0 ? State::kUndoing : State::kStopped);
}

// The newest first: a later flush of the same name covers an earlier one.
void ListFlush::UndoSome() {
  const uint64_t made = progress_.done + progress_.failed;
  for (size_t i = 0; i < kMostAtOnce && undo_next_ < made; ++i) {
    ++undo_next_;
    ++(hooks_.undo(progress_.first_id + made - undo_next_) ? progress_.undone
                                                           : progress_.not_undone);
  }
  if (undo_next_ == made) End(State::kStopped);
}

}  // namespace breakwater
