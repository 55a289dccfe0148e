// Identical misses that wait for one question, and what of its answer each of them gets.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/cache/key_options.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

constexpr size_t kClientCookieSize = 8;  // RFC 7873, 4

}  // namespace

// Not with values for the backend alone: its answer may depend on them.
bool QueryPath::MayBeJoined(const Query& query, const Route& route) const {
  if (route.cache == nullptr || route.cache != route.pool->cache.get()) return false;
  if (!route.due && !route.cache->settings().join_misses) return false;
  const QueryExtras* extras = query.extras();
  return extras == nullptr || !extras->proxy_values;
}

bool QueryPath::JoinIdenticalMiss(QueryPtr& query, Route& route) {
  if (!MayBeJoined(*query, route)) return false;
  const auto id = joined_.Find({*query, route.cache, route.own_options});
  if (!id) return false;
  Flight& flight = *in_flight_.Find(*id);
  if (flight.awaits && query->asked_again) return false;  // nobody waits for another twice
  // What was asked for before a flush is no answer for who asks after it.
  if (route.cache->FlushedSince(*route.key, query->name(), flight.asked_epoch)) return false;
  env_.stats.counters.Add(Metric::kJoinedMisses);
  query->Detach(env_.queries.packets());
  joined_.Joined();
  flight.waiters.push_back(std::move(query));
  flight.purpose = FlightPurpose::kClient;
  flight.refreshes = flight.refreshes || route.due;
  if (MayServeLastGood(route)) StartPatience(*id, flight);
  return true;
}

void QueryPath::SendOthersAgain(Flight& flight) {
  std::vector<QueryPtr> others;
  for (QueryPtr& waiter : flight.waiters) {
    if (!JoinedMisses::HaveSameOptions(*waiter, *flight.query)) others.push_back(std::move(waiter));
  }
  std::erase(flight.waiters, nullptr);
  // Those with the same options one after another: they join once more.
  for (auto one = others.begin(); one != others.end();) {
    one = std::stable_partition(std::next(one), others.end(), [&first = **one](const auto& other) {
      return JoinedMisses::HaveSameOptions(first, *other);
    });
  }
  joined_.Left(others.size());
  // Answers from the cache may call back, and with them the flight may end.
  Flight asked;
  asked.cache = flight.cache;
  asked.key = flight.key;
  asked.has_scope_zero_key = flight.has_scope_zero_key;
  asked.scope_zero_key = flight.scope_zero_key;
  for (QueryPtr& other : others) {
    other->asked_again = true;
    AskAgain(std::move(other), asked, Joining::kSameOptions);
  }
}

void QueryPath::DeliverToWaiter(QueryPtr waiter, const Flight& ended, const Reply& reply) {
  // A truncated answer is for those that would have asked for no more, and will ask over TCP.
  const bool truncated = dns::ConstHeader(reply.message.data()).Has(dns::kFlagTc);
  if (truncated && (waiter->tcp() || AskedSize(*waiter) > ended.asked_size)) {
    return AskAgain(std::move(waiter), ended);
  }
  std::array<uint8_t, kClientCookieSize> cookie{};
  const auto sent = dns::FindOption(waiter->message(), waiter->edns, dns::OptionCode::kCookie);
  const bool has_cookie = sent && sent->size() >= cookie.size();
  if (has_cookie) std::copy_n(sent->begin(), cookie.size(), cookie.begin());
  waiter->answered_by = reply.backend->address();
  TakeReply(*waiter, reply.message);
  UndoBackendChanges(*waiter);
  LeaveOutWhatIsNotShared(*waiter, ended, std::span(cookie).first(has_cookie ? cookie.size() : 0));
  CapIfStandby(*waiter, ended.cache.get(), reply);
  if (!PassResponseChain(waiter, ResponseChainKind::kResponse, &reply.backend)) return;
  Finish(std::move(waiter));
}

// As from the cache: what an option that its key does not cover brought is for its sender, that
// is, whose client cookie a cookie repeats (RFC 7873, 4.2).
void QueryPath::LeaveOutWhatIsNotShared(Query& waiter, const Flight& ended,
                                        std::span<const uint8_t> client_cookie) {
  if (ended.cache == nullptr) return;
  const size_t start = waiter.records_start();
  const auto edns = dns::FindEdns(waiter.message(), start);
  if (!edns || edns->options_length == 0) return;
  dns::EditBuffer buffer = waiter.edit();
  for (const uint16_t number : ended.cache->settings().key.skip_options) {
    const auto code = static_cast<dns::OptionCode>(number);
    const auto content = dns::FindOption(waiter.message(), *edns, code);
    if (!content || code == dns::OptionCode::kExtendedError) continue;
    const bool own = code == dns::OptionCode::kCookie && !client_cookie.empty() &&
                     content->size() >= client_cookie.size() &&
                     std::ranges::equal(content->first(client_cookie.size()), client_cookie);
    if (own) continue;
    (void)dns::RemoveOption(buffer, start, code);
    waiter.Take(buffer);
    return LeaveOutWhatIsNotShared(waiter, ended, client_cookie);  // the rest has moved
  }
}

// To the cache, which has the key of the query as it was: without rules, once more.
void QueryPath::AskAgain(QueryPtr query, const Flight& ended, Joining joining) {
  Route route({.query = *query, .now = now(), .random = env_.random});
  route.own_options = joining == Joining::kSameOptions;
  Verdict verdict = ChoosePool(*query, route);
  if (verdict == Verdict::kContinue && route.pool->cache == ended.cache) {
    route.cache = ended.cache.get();
    route.key = ended.key;
    if (ended.has_scope_zero_key) route.scope_zero_key = ended.scope_zero_key;
    query->Reserve(env_.queries.packets(), ended.cache->settings().maximum_entry_size);
    verdict = LookUpCache(*query, route);
  }
  if (verdict != Verdict::kContinue) return Conclude(std::move(query), verdict);
  GoToBackend(std::move(query), route);
}

}  // namespace breakwater
