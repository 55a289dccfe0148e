#include "proxy/delayed_replies.h"

#include <utility>

namespace breakwater {
namespace {

Address HostOf(const Query& query) {
  Address host = query.client;
  host.set_port(0);
  return host;
}

}  // namespace

DelayedReplies::~DelayedReplies() {
  DropAll();
}

void DelayedReplies::Hold(QueryPtr query, MonoTime when) {
  size_t& of_client = per_client_[HostOf(*query)];
  if (held_.size() >= kMostHeld || of_client >= kMostPerClient) {
    counters_.Add(Metric::kDelayedDrops);
    ReplyTarget* const target = query->target;
    target->Drop(std::move(query), DropReason::kRule);
    return;
  }
  ++of_client;
  const uint64_t id = next_id_++;
  const TimerId timer = timers_.Add(when, [this, id] { Release(id); });
  held_.emplace(id, Held{std::move(query), timer});
}

void DelayedReplies::Release(uint64_t id) {
  auto node = held_.extract(id);
  if (node.empty()) return;
  QueryPtr query = std::move(node.mapped().query);
  const auto client = per_client_.find(HostOf(*query));
  if (client != per_client_.end() && --client->second == 0) per_client_.erase(client);
  ReplyTarget* target = query->target;
  target->Send(std::move(query));
}

void DelayedReplies::DropAll() {
  for (auto& [id, held] : held_) {
    timers_.Cancel(held.timer);
    ReplyTarget* target = held.query->target;
    target->Drop(std::move(held.query), DropReason::kShutdown);
  }
  held_.clear();
  per_client_.clear();
}

}  // namespace breakwater
