// What clients get when a backend has no good answer, or none in time, and the cache holds one that
// was good (MECHANISMS.md, 4 and 5).
#include <algorithm>
#include <utility>

#include "proxy/query_path.h"

namespace breakwater {
// What is good shall never be displaced, so caches with `lastGood` want to know.
void QueryPath::Judge(const Flight& flight, Reply& reply) const {
  if (flight.cache == nullptr || !flight.cache->settings().last_good) return;
  const Query& query = *flight.query;
  const bool left_out = dns::ConstHeader(reply.message.data()).count(dns::Section::kQuestion) == 0;
  const size_t start = left_out ? dns::kHeaderSize : query.question.end();
  const AnswerFacts facts = FactsOfAnswer(reply.message, start, query.name());
  KnownAnswer known = flight.cache->Known(flight.key, query.name(), now());
  if (!known.held && flight.has_scope_zero_key) {
    known = flight.cache->Known(flight.scope_zero_key, query.name(), now());
  }
  reply.facts.judgement = JudgeAnswer(facts, known);
  // What a referral names is where the zone ends.
  if (facts.authoritative) reply.facts.apex_labels = facts.Apex().value_or(0);
}

// A bad answer is not the last word while somebody else may know better, or the cache does. True
// where the flight goes on, or has ended with a last good answer.
bool QueryPath::WaitForBetter(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply) {
  env_.stats.counters.Add(Metric::kBadAnswers);
  const BadKind kind = reply.facts.judgement.kind;
  if (!flight.cache->settings().last_good->Covers(kind)) return false;
  flight.bad =
      std::make_unique<BadReply>(BadReply{.message = {reply.message.begin(), reply.message.end()},
                                          .from = reply.backend,
                                          .datagram = reply.facts.datagram});
  in_flight_.EndAttempt(id, attempt);
  if (RetryElsewhere(id, flight, FailureKind::kBadAnswer) || flight.HasOpenAttempt()) return true;
  return ServeLastGood(id, flight, kind);
}

// Nothing better came than this.
void QueryPath::DeliverBad(FlightId id, Flight& flight) {
  const BadReply bad = std::move(*flight.bad);
  Reply reply{.message = bad.message,
              .backend = bad.from,
              .facts = FactsOf(flight, bad.datagram, bad.message)};
  Judge(flight, reply);
  Deliver(id, reply);
}

// Ends the flight, and answers all who wait for it, where the cache holds a last good answer.
bool QueryPath::ServeLastGood(FlightId id, Flight& flight, BadKind why) {
  if (flight.cache == nullptr) return false;
  const auto& settings = flight.cache->settings().last_good;
  if (!settings || !settings->Covers(why) || !HoldLastGood(flight)) return false;
  NoteLastGood(flight, NameOf(why));
  Flight ended = TakeFlight(id);
  if (ended.query->target != nullptr) AnswerFromLastGood(std::move(ended.query), ended);
  for (QueryPtr& waiter : ended.waiters) AnswerFromLastGood(std::move(waiter), ended);
  return true;
}

// The answer is late: clients get what there is, and the question stays open as one of ours.
void QueryPath::OnPatienceOver(FlightId id) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr) return;
  flight->patience_runs = false;
  if (!HoldLastGood(*flight)) return;
  std::vector<QueryPtr> clients = std::exchange(flight->waiters, {});
  if (flight->query->target != nullptr) {
    clients.insert(clients.begin(), SplitClient(*flight->query, env_.queries));
  }
  if (!clients.empty()) NoteLastGood(*flight, "late");
  for (QueryPtr& client : clients) {
    // Answers may call back, and with them the flight may end.
    if (Flight* open = in_flight_.Find(id); open != nullptr) {
      AnswerFromLastGood(std::move(client), *open);
    } else {
      Drop(std::move(client), DropReason::kBackend);
    }
  }
}

void QueryPath::StartPatience(FlightId id, Flight& flight) {
  if (std::exchange(flight.patience_runs, true)) return;
  const uint32_t patience = flight.cache->settings().last_good->client_timeout;
  in_flight_.CallAfter(id, Reminder::kPatience, now(), patience);
}

bool QueryPath::HoldLastGood(const Flight& flight) {
  const auto name = flight.query->name();
  const bool held = flight.cache->Hold(flight.key, name, now());
  return (flight.has_scope_zero_key && flight.cache->Hold(flight.scope_zero_key, name, now())) ||
         held;
}

void QueryPath::ForgetLastGood(const Flight& flight) {
  const auto name = flight.query->name();
  flight.cache->Forget(flight.key, name, flight.asked);
  if (flight.has_scope_zero_key) {
    flight.cache->Forget(flight.scope_zero_key, name, flight.asked);
  }
}

void QueryPath::AnswerFromLastGood(QueryPtr query, const Flight& flight) {
  query->Reserve(env_.queries.packets(), flight.cache->settings().maximum_entry_size);
  Route route({.query = *query, .now = now(), .random = env_.random});
  route.pool = config_->FindPool(query->pool_name);
  route.cache = flight.cache.get();
  route.key = flight.key;
  if (flight.has_scope_zero_key) route.scope_zero_key = flight.scope_zero_key;
  if (route.pool != nullptr && LookUp(*query, route, LastGoodUse::kAny)) {
    return FinishHit(std::move(query));
  }
  // Evicted since it was looked for.
  Drop(std::move(query), DropReason::kBackend);
}

void QueryPath::NoteLastGood(const Flight& flight, std::string_view why) {
  uint64_t suppressed = 0;
  if (!last_good_notes_.Allow(now(), &suppressed)) return;
  const Query& query = *flight.query;
  const BackendPtr& last =
      flight.bad != nullptr
          ? flight.bad->from
          : flight.attempts[std::max(flight.attempt_count, uint8_t{1}) - 1u].backend;
  LogWarning("cache",
             "last good answer for {} {}: the answer of {} is {} ({} more such messages were left "
             "out)",
             query.NameCopy().ToString(), dns::TypeName(query.question.type),
             last == nullptr ? std::string("no server") : last->NameWithAddress(), why, suppressed);
}

}  // namespace breakwater
