#include "proxy/suspended_queries.h"

#include <utility>
#include <vector>

namespace breakwater {

SuspendedQueries::SuspendedQueries(Setup setup, std::shared_ptr<SuspendedTable> table)
    : setup_(std::move(setup)),
      table_(std::move(table)),
      home_(std::make_shared<SuspendHome>(
          setup_.post, [this](uint64_t id, SuspendEnd end, HeldMessage& message) {
            OnMessage(id, end, message);
          })) {}

SuspendedQueries::~SuspendedQueries() {
  DropAll();
  home_->Close();
}

bool SuspendedQueries::Suspend(Query& query, const SuspendKey& key, uint32_t timeout_ms) {
  // A question of ours has nobody who could be kept waiting.
  if (query.suspended != 0 || query.target == nullptr) return false;
  const uint64_t id = next_id_++;
  query.SaveClientName();  // so that the copy knows it too
  auto message = std::make_unique<HeldMessage>(query, style_);
  const size_t bytes = message->bytes();
  if (!table_->Add(key, home_, id, std::move(message))) {
    setup_.counters.Add(Metric::kSuspendedRefused);
    return false;
  }
  setup_.counters.Add(Metric::kSuspended);
  query.suspended = id;
  const TimerId timer =
      setup_.timers.Add(setup_.now() + MonoTime::FromMs(timeout_ms), [this, id] { OnTime(id); });
  parked_.emplace(id, Parked{.key = key, .timer = timer, .bytes = bytes});
  return true;
}

void SuspendedQueries::Park(QueryPtr query, GoOn go_on) {
  const auto found = parked_.find(query->suspended);
  // Its script was done with it before.
  if (found == parked_.end()) return setup_.on_drop(std::move(query), DropReason::kRule);
  query->Detach(setup_.packets);
  found->second.query = std::move(query);
  found->second.go_on = std::move(go_on);
}

SuspendedQueries::Parked SuspendedQueries::TakeOut(uint64_t id) {
  const auto found = parked_.find(id);
  Parked parked = std::move(found->second);
  parked_.erase(found);
  if (parked.timer != 0) setup_.timers.Cancel(parked.timer);
  table_->Ended(parked.bytes);
  if (parked.query) parked.query->suspended = 0;
  return parked;
}

void SuspendedQueries::OnTime(uint64_t id) {
  const auto found = parked_.find(id);
  if (found == parked_.end()) return;
  auto copy = table_->TakeOf(found->second.key, *home_, id);
  if (!copy) {
    found->second.timer = 0;
    return;
  }
  copy->Forget();
  setup_.counters.Add(Metric::kSuspendedTimeouts);
  Parked parked = TakeOut(id);
  if (parked.query) setup_.on_resume(std::move(parked.query), parked.go_on);
}

void SuspendedQueries::OnMessage(uint64_t id, SuspendEnd end, HeldMessage& message) {
  if (!parked_.contains(id)) return;
  Parked parked = TakeOut(id);
  if (!parked.query) return;
  if (end == SuspendEnd::kDrop) return setup_.on_drop(std::move(parked.query), DropReason::kRule);
  TakeBack(*parked.query, message.query(), setup_.packets);
  parked.query->suspended = 0;
  setup_.on_resume(std::move(parked.query), parked.go_on);
}

void SuspendedQueries::DropAll() {
  std::vector<uint64_t> ids;
  for (const auto& [id, parked] : parked_) ids.push_back(id);
  for (const uint64_t id : ids) {
    const auto found = parked_.find(id);
    if (found == parked_.end()) continue;
    if (auto copy = table_->TakeOf(found->second.key, *home_, id)) copy->Forget();
    Parked parked = TakeOut(id);
    if (parked.query) setup_.on_drop(std::move(parked.query), DropReason::kShutdown);
  }
}

}  // namespace breakwater
