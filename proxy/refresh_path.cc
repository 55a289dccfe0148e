// An entry that is due is asked for once, though each worker has clients that want it: the first
// takes a ticket of the cache (PacketCache::BeginRefresh), and clients of the others wait for what
// it brings. Their flights send nothing; they look into the cache again and again, for workers have
// no other way to hear of one another's flights. The wait is bounded as every refresh is, by
// `clientTimeout`; where the other has ended without an answer they ask for themselves.
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
  for (const bool scope_zero : {true, false}) {
    if (scope_zero && !route.scope_zero_key) continue;
    const CacheKey& key = scope_zero ? *route.scope_zero_key : *route.key;
    const auto begun = cache->BeginRefresh(key, query.name(), now());
    if (begun.state == State::kBegun) {
      route.refresh = std::make_unique<RefreshTicket>(cache, key, query.NameCopy(), begun.ticket);
    }
    if (begun.state != State::kFree) return begun.state;
  }
  return State::kFree;
}

// True where the query waits. False: it is the one that asks, with the ticket where there is one.
bool QueryPath::AwaitRefresh(QueryPtr& query, Route& route) {
  if (!route.due || !MayBeJoined(*query, route)) return false;
  // Without a bound nobody waits for another's question.
  if (!MayServeLastGood(route)) return false;
  if (BeginRefresh(*query, route) != PacketCache::RefreshState::kElsewhere) return false;
  env_.stats.counters.Add(Metric::kRefreshesAwaited);
  query->Detach(env_.queries.packets());
  const FlightId id = OpenFlight(std::move(query), route, FlightPurpose::kClient);
  in_flight_.Find(id)->awaits = true;
  in_flight_.CallAfter(id, Reminder::kSlow, now(), kLookAgainMs);
  return true;
}

void QueryPath::LookAgain(FlightId id, Flight& flight) {
  const auto name = flight.query->name();
  const PacketCache& cache = *flight.cache;
  const bool goes_on =
      (flight.has_scope_zero_key && cache.IsRefreshed(flight.scope_zero_key, name)) ||
      cache.IsRefreshed(flight.key, name);
  if (goes_on) return in_flight_.CallAfter(id, Reminder::kSlow, now(), kLookAgainMs);
  Flight ended = TakeFlight(id);
  AskAgain(std::move(ended.query), ended);
  for (QueryPtr& waiter : ended.waiters) AskAgain(std::move(waiter), ended);
}

}  // namespace breakwater
