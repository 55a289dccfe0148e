// An entry that is due is asked for once, though each worker has clients that want it: the first
// takes a ticket of the cache (PacketCache::BeginRefresh), and clients of the others wait for what
// it brings. Their flights send nothing; they look into the cache again and again, for workers have
// no other way to hear of one another's flights. The wait is bounded as every refresh is, by
// `clientTimeout` from when they came; where the other has ended without an answer that can be
// served they ask for themselves, and wait for nobody again.
#include <utility>

#include "proxy/query_path.h"

namespace breakwater {
namespace {

// What it adds to the wait at most.
constexpr uint32_t kLookAgainMs = 5;

}  // namespace

PacketCache::RefreshState QueryPath::BeginRefresh(const Query& query, Route& route) {
  using State = PacketCache::RefreshState;
  const auto& cache = route.pool->cache;
  if (cache == nullptr || cache.get() != route.cache || !cache->settings().last_good) {
    return State::kFree;
  }
  // Of answers for a subnet and for all nobody knows which will come: each asks for itself.
  if (route.scope_zero_key) return State::kFree;
  const auto begun = cache->BeginRefresh(*route.key, query.name(), now());
  if (begun.state == State::kBegun) {
    route.refresh =
        std::make_unique<RefreshTicket>(cache, *route.key, query.NameCopy(), begun.ticket);
  }
  return begun.state;
}

// True where the query waits. False: it is the one that asks, with the ticket where there is one.
bool QueryPath::AwaitRefresh(QueryPtr& query, Route& route) {
  if (!route.due || !MayBeJoined(*query, route)) return false;
  // Without a bound nobody waits for another's question.
  if (!MayServeLastGood(route)) return false;
  if (BeginRefresh(*query, route) != PacketCache::RefreshState::kElsewhere) return false;
  // It has waited for one that brought nothing to serve: once is enough.
  if (query->asked_again) return false;
  env_.stats.counters.Add(Metric::kRefreshesAwaited);
  PrepareForBackend(*query, route);
  const FlightId id = OpenFlight(std::move(query), route, FlightPurpose::kClient);
  in_flight_.Find(id)->awaits = true;
  in_flight_.CallAfter(id, Reminder::kSlow, now(), kLookAgainMs);
  return true;
}

void QueryPath::LookAgain(FlightId id, Flight& flight) {
  if (flight.cache->IsRefreshed(flight.key, flight.query->name())) {
    return in_flight_.CallAfter(id, Reminder::kSlow, now(), kLookAgainMs);
  }
  EndWaiting(id);
}

void QueryPath::EndWaiting(FlightId id) {
  Flight ended = TakeFlight(id);
  std::vector<QueryPtr> waiters = std::move(ended.waiters);
  if (ended.query->target != nullptr) waiters.insert(waiters.begin(), std::move(ended.query));
  for (QueryPtr& waiter : waiters) {
    waiter->asked_again = true;
    AskAgain(std::move(waiter), ended);
  }
}

}  // namespace breakwater
