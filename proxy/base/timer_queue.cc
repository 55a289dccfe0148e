#include "proxy/base/timer_queue.h"

namespace breakwater {

TimerId TimerQueue::Add(MonoTime when, std::function<void()> callback) {
  const TimerId id = next_id_++;
  timers_.emplace(Key{when, id}, std::move(callback));
  when_.emplace(id, when);
  return id;
}

void TimerQueue::Cancel(TimerId id) {
  const auto found = when_.find(id);
  if (found == when_.end()) return;
  timers_.erase(Key{found->second, id});
  when_.erase(found);
}

size_t TimerQueue::RunDue(MonoTime now) {
  size_t ran = 0;
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    when_.erase(node.key().second);
    node.mapped()();
    ++ran;
  }
  return ran;
}

std::optional<MonoTime> TimerQueue::Next() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

}  // namespace breakwater
