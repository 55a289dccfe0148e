// Identical misses that wait for one question, and what of its answer each of them gets.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/cache/cache_answer.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

constexpr size_t kClientCookieSize = 8;  // RFC 7873, 4

// Which options of an answer are for one who waits for it: those that would come from the cache,
// and a cookie that repeats its own client cookie (RFC 7873, 4.2).
class OptionsForWaiter {
 public:
  OptionsForWaiter(const Query& waiter, const Flight& ended)
      : key_(ended.cache == nullptr ? nullptr : &ended.key) {
    const auto sent = dns::FindOption(waiter.message(), waiter.edns, dns::OptionCode::kCookie);
    has_cookie_ = sent && sent->size() >= cookie_.size();
    if (has_cookie_) std::copy_n(sent->begin(), cookie_.size(), cookie_.begin());
  }

  // Whether there are others in this answer.
  bool HasOthers(std::span<const uint8_t> answer, size_t question_end) const {
    const auto edns = dns::FindEdns(answer, question_end);
    bool others = false;
    if (!edns || key_ == nullptr) return false;
    dns::ForEachOption(answer, *edns, [&](dns::OptionCode code, std::span<const uint8_t> data) {
      others = !Holds(code, data);
      return !others;
    });
    return others;
  }
  void LeaveOthersOut(Query& answer) const {
    if (!HasOthers(answer.message(), answer.records_start())) return;
    dns::EditBuffer buffer = answer.edit();
    (void)dns::KeepOptions(
        buffer, answer.records_start(),
        [this](dns::OptionCode code, std::span<const uint8_t> data) { return Holds(code, data); });
    answer.Take(buffer);
  }

 private:
  bool Holds(dns::OptionCode code, std::span<const uint8_t> data) const {
    if (OptionIsShareable(code, *key_)) return true;
    return code == dns::OptionCode::kCookie && has_cookie_ && data.size() >= cookie_.size() &&
           std::ranges::equal(data.first(cookie_.size()), cookie_);
  }

  const CacheKey* key_;
  std::array<uint8_t, kClientCookieSize> cookie_{};
  bool has_cookie_ = false;
};

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
  std::ranges::stable_sort(others, [](const QueryPtr& a, const QueryPtr& b) {
    return std::ranges::lexicographical_compare(JoinedMisses::OptionsOf(*a),
                                                JoinedMisses::OptionsOf(*b));
  });
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
  const OptionsForWaiter options(*waiter, ended);
  if (options.HasOthers(reply.message, waiter->question.end()) &&
      !dns::OptionsCanBeEdited(reply.message, waiter->question.end())) {
    waiter->asked_again = true;
    return AskAgain(std::move(waiter), ended, Joining::kSameOptions);
  }
  waiter->answered_by = reply.backend->address();
  TakeReply(*waiter, reply.message);
  UndoBackendChanges(*waiter);
  options.LeaveOthersOut(*waiter);
  CapIfStandby(*waiter, ended.cache.get(), reply);
  if (!PassResponseChain(waiter, ResponseChainKind::kResponse, &reply.backend)) {
    return ParkAnswer(std::move(waiter));
  }
  Finish(std::move(waiter));
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
    query->Reserve(env_.queries.packets(), kUsualAnswer);
    verdict = LookUpCache(*query, route);
  }
  if (verdict != Verdict::kContinue) return Conclude(std::move(query), verdict);
  GoToBackend(std::move(query), route);
}

}  // namespace breakwater
