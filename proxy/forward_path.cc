// From a miss to a backend: who is asked, and with what.
#include <algorithm>
#include <utility>

#include "proxy/query_path.h"

namespace breakwater {
namespace {

// RFC 9715 and the DNS flag day: what a cacheable query asks for at least, so that one answer
// serves clients of every size.
constexpr uint16_t kLeastSharedUdpSize = 1232;
constexpr uint16_t kMostUdpSize = 4096;

}  // namespace

void QueryPath::GoToBackend(QueryPtr query, Route& route) {
  if (JoinIdenticalMiss(query, route)) return;
  const Verdict verdict = ChooseBackend(*query, route);
  if (verdict != Verdict::kContinue) return Conclude(std::move(query), verdict);
  if (AwaitRefresh(query, route)) return;
  PrepareForBackend(*query, route);
  Forward(std::move(query), route);
}

// Where health by zone decides who is asked; null where it is only counted.
ZoneHealth* QueryPath::ZonesFor(const Pool& pool) {
  return ZonesCount(config_->settings.zone_health, pool) ? &env_.zones : nullptr;
}

Verdict QueryPath::ChooseBackend(Query& query, Route& route) {
  const PolicyPtr& policy = route.pool->policy ? route.pool->policy : config_->policy;
  route.backend =
      ChooseBackendFor({*route.pool, *policy, route.policy, ZonesFor(*route.pool), route.due});
  route.no_server = route.backend == nullptr || IsStandby(query, *route.backend);
  if (route.backend != nullptr) {
    // What the first tier said last comes before what a standby says now.
    const bool has_better = route.due && route.no_server && MayServeLastGood(route) &&
                            LookUp(query, route, LastGoodUse::kUnlessFlushed);
    return has_better ? Verdict::kHit : Verdict::kContinue;
  }
  env_.stats.counters.Add(Metric::kNoPolicy);
  if (LookUpForWantOfServers(query, route)) return Verdict::kHit;
  if (!config_->settings.servfail_when_no_server) return Verdict::kNoServer;
  AnswerError(query, dns::RCode::kServFail);
  return Verdict::kAnswer;
}

bool QueryPath::LookUpForWantOfServers(Query& query, Route& route) {
  if (route.cache == nullptr) return false;
  const auto& last_good = route.cache->settings().last_good;
  if (!last_good || !last_good->Covers(BadKind::kTimeout)) return false;
  if (!route.due) {
    const PacketCache::HoldHow how{
        .now = now(), .asked = now(), .asked_epoch = route.cache->epoch()};
    if (!route.cache->Adopt(*route.key, query.name(), how)) return false;
  }
  return LookUp(query, route, LastGoodUse::kAny);
}

bool QueryPath::MayServeLastGood(const Route& route) {
  if (!route.due || route.cache == nullptr) return false;
  const auto& last_good = route.cache->settings().last_good;
  return last_good && last_good->Covers(BadKind::kTimeout);
}

void QueryPath::PrepareForBackend(Query& query, const Route& route) {
  query.Detach(env_.queries.packets());
  if (route.cache == nullptr || !query.edns.present) return;
  StoreU16(query.data + query.edns.offset + 3, AskedSize(query));
}

uint16_t QueryPath::AskedSize(const Query& query) {
  if (!query.edns.present) return 512;
  return std::clamp(query.client_udp_size, kLeastSharedUdpSize, kMostUdpSize);
}

FlightId QueryPath::OpenFlight(QueryPtr query, const Route& route, FlightPurpose purpose) {
  const std::shared_ptr<PacketCache> cache = route.cache ? route.pool->cache : nullptr;
  const FlightId id = in_flight_.Open(std::move(query), now());
  Flight& flight = *in_flight_.Find(id);
  flight.purpose = purpose;
  if (cache != nullptr) {
    flight.cache = cache;
    flight.key = *route.key;
    flight.asked_epoch = cache->epoch();
    flight.asked_size = AskedSize(*flight.query);
    flight.refreshes = route.due || purpose == FlightPurpose::kAhead;
    flight.has_scope_zero_key = route.scope_zero_key.has_value();
    if (route.scope_zero_key) flight.scope_zero_key = *route.scope_zero_key;
    if (MayBeJoined(*flight.query, route)) joined_.Add(id, {*flight.query, cache.get()});
    if (MayServeLastGood(route)) StartPatience(id, flight);
  }
  return id;
}

void QueryPath::Forward(QueryPtr query, Route& route, FlightPurpose purpose) {
  const BackendPtr backend = std::move(route.backend);
  if (purpose == FlightPurpose::kAhead) (void)BeginRefresh(*query, route);
  const FlightId id = OpenFlight(std::move(query), route, purpose);
  Flight& flight = *in_flight_.Find(id);
  flight.refresh = std::move(route.refresh);
  retries_.OnQuery();
  if (Start(id, backend)) return;
  if (!RetryElsewhere(id, flight, FailureKind::kSend)) {
    GiveUp(id, flight, DropReason::kBackend);
  }
}

}  // namespace breakwater
