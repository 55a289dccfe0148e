// What clients get when a backend has no good answer, or none in time, and the cache holds one that
// was good (MECHANISMS.md, 4 and 5).
#include <algorithm>
#include <utility>

#include "proxy/base/left_out.h"
#include "proxy/cache/cache_key.h"
#include "proxy/dns/rewrite.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

// Extended errors, RFC 8914, 4.4 and 4.20.
constexpr uint16_t kStaleAnswer = 3;
constexpr uint16_t kStaleNxdomainAnswer = 19;

uint16_t StaleCodeOf(const Query& answer) {
  return answer.header().rcode() == dns::RCode::kNxDomain ? kStaleNxdomainAnswer : kStaleAnswer;
}

// Of one that has waited before, from when it came; few distinct ones, each has a queue of its own.
uint32_t PatienceLeft(uint32_t patience_ms, MonoTime waited) {
  constexpr int64_t kStepMs = 20;
  const int64_t left = std::clamp<int64_t>(patience_ms - waited.ms(), 1, patience_ms);
  return static_cast<uint32_t>((left + kStepMs - 1) / kStepMs * kStepMs);
}

bool IsJudged(const Query& query) {
  return query.header().opcode() == dns::Opcode::kQuery && !query.IsTransfer();
}

}  // namespace

// Not what only its asker can have sent so: of another class, of a type that is no record's,
// signed, with records or flags that no query has. A bad answer may be the asker's own fault. Nor
// signatures by themselves, which PowerDNS refuses to tell.
bool QueryPath::TellsOfZones(const Query& query) {
  if (!IsJudged(query) || query.question.cls != dns::Class::kIn) return false;
  const auto type = static_cast<uint16_t>(query.question.type);
  const bool meta = type >= 128 && type < 255;  // RFC 6895, 3.1; ANY is asked for of zones
  return !meta && query.question.type != dns::Type::kRrsig &&
         HasPlainHeader(query.header(), query.edns);
}

// Of every answer that a zone may be known by: counted, and judged where that matters.
void QueryPath::Judge(const Flight& flight, Reply& reply) {
  const Query& query = *flight.query;
  if (!IsJudged(query)) return;
  const bool left_out = dns::ConstHeader(reply.message.data()).count(dns::Section::kQuestion) == 0;
  const size_t start = left_out ? dns::kHeaderSize : query.question.end();
  const AnswerFacts facts = FactsOfAnswer(reply.message, start, query.name());
  KnownAnswer known;
  if (flight.cache != nullptr && flight.cache->settings().last_good) {
    known = flight.cache->Known(flight.key, query.name(), now());
    if (!known.held && flight.has_scope_zero_key) {
      known = flight.cache->Known(flight.scope_zero_key, query.name(), now());
    }
    if (!known.held && !facts.authoritative && !facts.has_answer) {
      known = flight.cache->KnownOfPlainer(flight.key, query.name(), now());
    }
  }
  // Where the records are, the zone is: of no interest then.
  if (!facts.has_answer) {
    known.apex_labels = std::max(known.apex_labels, env_.zones.ApexOf(ZoneNameOf(query)));
  }
  known.with_options = query.edns.options_length > 0;
  const bool tells = TellsOfZones(query);
  if (tells) LookAtSerial(flight, facts, known, reply);
  const Judgement judgement = JudgeAnswer(facts, known);
  reply.facts.judgement = judgement.cls == AnswerClass::kBad && !tells ? Judgement{} : judgement;
  reply.facts.standby = IsStandby(query, *reply.backend);
  reply.facts.empties = judgement.removes && known.proper;
  reply.facts.outdone = reply.facts.standby && known.held &&
                        (reply.facts.behind || (known.is_signed && !facts.is_signed));
  reply.facts.by_option = reply.facts.judgement.by_option || facts.rcode == dns::RCode::kBadCookie;
  // What a referral names is where the zone ends.
  if (facts.authoritative) reply.facts.apex_labels = facts.Apex().value_or(0);
}

bool QueryPath::IsStandby(const Query& query, const Backend& backend) const {
  if (backend.settings().tier == 1) return false;
  const Pool* pool = config_->FindPool(query.pool_name);
  return pool != nullptr && !pool->tiers.empty() &&
         pool->tiers.front().front()->settings().tier < backend.settings().tier;
}

ZoneHealth::Word QueryPath::WordOf(const Flight& flight) {
  const Query& query = *flight.query;
  const bool own = flight.purpose == FlightPurpose::kZoneQuestion;
  if (own && flight.zone_labels < query.NameCopy().CountLabels()) return ZoneHealth::Word::kDoubt;
  return AsksOfZones(query) ? ZoneHealth::Word::kDoubted : ZoneHealth::Word::kLast;
}

ZoneHealth::Noted QueryPath::NoteForZone(const Flight& flight, const Reply& reply) {
  const Query& query = *flight.query;
  const Judgement& judgement = reply.facts.judgement;
  if (!TellsOfZones(query) || IsToBeProved(flight, reply)) return {};
  ZoneHealth::Answer answer{
      .name = ZoneNameOf(query), .backend = reply.backend->number(), .now = now()};
  // Of a client's good answer it is no matter.
  if (judgement.cls != AnswerClass::kGood || flight.purpose == FlightPurpose::kZoneQuestion) {
    answer.word = WordOf(flight);
  }
  if (judgement.cls == AnswerClass::kNeutral) {
    // An empty answer of a lame server, say: what clients get decides.
    const bool doubt = answer.word == ZoneHealth::Word::kDoubt;
    if (doubt) env_.zones.EndDoubt(answer.name, answer.backend, answer.now);
    return {};
  }
  // It has no file for the zone, which is no news.
  if (reply.backend->zones() != nullptr && judgement.cls == AnswerClass::kBad &&
      judgement.kind == BadKind::kRefused) {
    env_.zones.Excuse(answer.name, answer.backend, answer.now);
    return {};
  }
  answer.apex_labels = reply.facts.apex_labels;
  if (judgement.cls == AnswerClass::kBad) {
    answer.bad = judgement.kind;
  } else {
    answer.authoritative = dns::ConstHeader(reply.message.data()).Has(dns::kFlagAa);
  }
  return NoteForZone(answer);
}

ZoneHealth::Noted QueryPath::NoteForZone(const ZoneHealth::Answer& answer) {
  const auto noted = env_.zones.Note(answer);
  if (answer.bad && env_.zones.AnyBad()) {
    zone_questions_.TryAgainLater(now(), [this] { return TryBadZones(); });
  }
  return noted;
}

// A bad answer is not the last word while somebody else may know better, or the cache does. True
// where the flight goes on, or has ended with a last good answer.
bool QueryPath::WaitForBetter(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply) {
  const Pool* pool = config_->FindPool(flight.query->pool_name);
  const bool held = flight.cache != nullptr && flight.cache->settings().last_good;
  if (!held && (pool == nullptr || ZonesFor(*pool) == nullptr)) return false;
  env_.stats.counters.Add(Metric::kBadAnswers);
  const BadKind kind = reply.facts.judgement.kind;
  if (held && !flight.cache->settings().last_good->Covers(kind)) return false;
  // A standby's failure does not hide what those said that have the zone.
  if (flight.bad == nullptr || !reply.facts.standby) flight.bad = Kept(reply);
  in_flight_.EndAttempt(id, attempt);
  if (RetryElsewhere(id, flight, FailureKind::kBadAnswer) || flight.HasOpenAttempt()) return true;
  return AskStandby(id, flight, {FailureKind::kBadAnswer, kind});
}

// It may be the asker's own fault, and then says nothing of the zone: nobody else is asked, and
// what is held is served, but not held. True where that ended the flight.
bool QueryPath::ServeInstead(FlightId id, Flight& flight, const Reply& reply) {
  const BadKind kind = reply.facts.judgement.kind;
  if (flight.cache == nullptr) return false;
  const auto& settings = flight.cache->settings().last_good;
  if (!settings || !settings->Covers(kind)) return false;
  const bool held = IsHeld(flight);
  if (!held && !HoldLastGood(flight, LastGoodUse::kAny)) return false;
  flight.bad = Kept(reply);
  if (flight.refreshes || !held) GiveBack(flight);
  EndWithWhatThereIs(id, NameOf(kind));
  return true;
}

bool QueryPath::IsHeld(const Flight& flight) {
  const auto name = flight.query->name();
  return flight.cache->Known(flight.key, name, now()).held ||
         (flight.has_scope_zero_key &&
          flight.cache->Known(flight.scope_zero_key, name, now()).held);
}

std::unique_ptr<BadReply> QueryPath::Kept(const Reply& reply) {
  return std::make_unique<BadReply>(
      BadReply{.message = {reply.message.begin(), reply.message.end()},
               .from = reply.backend,
               .kind = reply.facts.judgement.kind,
               .datagram = reply.facts.datagram});
}

// The servers of this tier have no good answer. A standby is better than what a flush has passed
// over, and nothing is better than what none has.
bool QueryPath::AskStandby(FlightId id, Flight& flight, const Shortcoming& shortcoming) {
  return ServeLastGood(id, flight, shortcoming.kind, LastGoodUse::kUnlessFlushed) ||
         EndWithMeanwhile(id, flight) ||
         (TellsOfZones(*flight.query) &&
          RetryElsewhere(id, flight, shortcoming.failure, Reach::kNextTiers)) ||
         ServeLastGood(id, flight, shortcoming.kind);
}

// A standby has said something good before the first tier failed: what was flushed is not held for
// that, as the next to ask gets a good answer as well.
bool QueryPath::EndWithMeanwhile(FlightId id, Flight& flight) {
  if (flight.meanwhile == nullptr) return false;
  AnswerFromMeanwhile(id, flight);
  if (in_flight_.Find(id) != nullptr) (void)TakeFlight(id);
  return true;
}

void QueryPath::AnswerFromMeanwhile(FlightId id, Flight& flight) {
  const BadReply standby = *flight.meanwhile;
  Reply reply{.message = standby.message, .backend = standby.from, .facts = {}};
  reply.facts.standby = true;
  for (QueryPtr& client : TakeClients(flight)) {
    // Answers may call back, and with them the flight may end.
    const Flight* open = in_flight_.Find(id);
    if (open != nullptr) {
      DeliverToWaiter(std::move(client), *open, reply);
    } else {
      Drop(std::move(client), DropReason::kBackend);
    }
  }
}

// Nothing better came than this.
void QueryPath::DeliverBad(FlightId id, Flight& flight) {
  const BadReply bad = std::move(*flight.bad);
  Reply reply{.message = bad.message,
              .backend = bad.from,
              .facts = FactsOf(flight, bad.datagram, bad.message)};
  reply.facts.serial_told = true;
  Judge(flight, reply);
  // What is held against its server has not changed, whatever the serial is by now.
  if (bad.kind == BadKind::kOlder || bad.kind == BadKind::kVanished) {
    reply.facts.judgement = {.cls = AnswerClass::kBad, .kind = bad.kind};
  }
  Deliver(TakeFlight(id), reply);
}

// Ends the flight, and answers all who wait for it, where the cache holds a last good answer.
bool QueryPath::ServeLastGood(FlightId id, Flight& flight, BadKind why, LastGoodUse use) {
  if (flight.cache == nullptr) return false;
  const auto& settings = flight.cache->settings().last_good;
  if (!settings) return false;
  // Silence does not hide what another server has said before.
  const bool covered =
      settings->Covers(why) || (flight.bad != nullptr && settings->Covers(flight.bad->kind));
  if (!covered || !HoldLastGood(flight, use)) return false;
  EndWithWhatThereIs(id, NameOf(why));
  return true;
}

void QueryPath::EndWithWhatThereIs(FlightId id, std::string_view why) {
  NoteLastGood(*in_flight_.Find(id), why);
  Flight ended = TakeFlight(id);
  if (ended.query->target != nullptr) AnswerWithWhatThereIs(std::move(ended.query), ended);
  for (QueryPtr& waiter : ended.waiters) AnswerWithWhatThereIs(std::move(waiter), ended);
}

// The answer is late: clients get what there is, and the question stays open as one of ours.
void QueryPath::OnPatienceOver(FlightId id) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr) return;
  flight->patience_runs = false;
  // In a live drill the first tier has answered, and the standby is what is late.
  if (flight->drill != nullptr) return DeliverDrilled(id, *flight);
  // A standby may know better than what a flush has passed over.
  if (!HoldLastGood(*flight, LastGoodUse::kUnlessFlushed)) {
    if (flight->meanwhile != nullptr) return AnswerFromMeanwhile(id, *flight);
    if (RetryElsewhere(id, *flight, FailureKind::kTimeout, Reach::kNextTiers)) {
      flight->refresh.reset();  // whoever waits elsewhere goes on as well
      return StartPatience(id, *flight);
    }
  }
  if (!HoldLastGood(*flight, LastGoodUse::kAny)) return;
  AnswerClientsFromHeld(id, "late");
  // Nothing was sent: there is nothing to come.
  const Flight* open = in_flight_.Find(id);
  if (open != nullptr && open->awaits) EndWaiting(id);
}

void QueryPath::AnswerClientsFromHeld(FlightId id, std::string_view why) {
  Flight& flight = *in_flight_.Find(id);
  std::vector<QueryPtr> clients = TakeClients(flight);
  if (!clients.empty()) NoteLastGood(flight, why);
  for (QueryPtr& client : clients) {
    // Answers may call back, and with them the flight may end.
    const Flight* open = in_flight_.Find(id);
    if (open != nullptr && AnswerFromLastGood(client, *open)) continue;
    Drop(std::move(client), DropReason::kBackend);
  }
}

// There is nothing, says the server, and not for how long, where the cache has a proper answer: its
// records may be lost, and another's not. Where all say so it is a deletion.
bool QueryPath::AskForAnotherWord(FlightId id, Flight& flight, uint8_t attempt,
                                  const Reply& reply) {
  in_flight_.EndAttempt(id, attempt);
  if (!RetryElsewhere(id, flight, FailureKind::kBadAnswer) && !flight.HasOpenAttempt())
    return false;
  flight.bad = Kept(reply);
  flight.bad->kind = BadKind::kLame;
  return true;
}

// A standby has less than the cache: an older version of the zone, say, which no flush can have
// meant.
bool QueryPath::ServeWhatOutdoes(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply) {
  const auto& settings = flight.cache->settings().last_good;
  if (!settings->Covers(BadKind::kOlder) || !HoldLastGood(flight, LastGoodUse::kAny)) return false;
  in_flight_.EndAttempt(id, attempt);
  flight.bad = Kept(reply);
  flight.bad->kind = BadKind::kOlder;
  if (!flight.HasOpenAttempt()) {
    EndWithWhatThereIs(id, NameOf(BadKind::kOlder));
  } else {
    AnswerClientsFromHeld(id, NameOf(BadKind::kOlder));
  }
  return true;
}

std::vector<QueryPtr> QueryPath::TakeClients(Flight& flight) {
  std::vector<QueryPtr> clients = std::exchange(flight.waiters, {});
  joined_.Left(clients.size());
  if (flight.query->target != nullptr) {
    clients.insert(clients.begin(), SplitClient(*flight.query, env_.queries));
  }
  return clients;
}

// A standby has answered where the first tier still may: that is for those who wait, while what is
// held can be refreshed by the first tier alone. It is for those who come later as well, where the
// first tier stays silent.
bool QueryPath::AnswerMeanwhile(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply) {
  if (!flight.refreshes) return false;
  in_flight_.EndAttempt(id, attempt);
  if (!flight.HasOpenAttempt()) return false;
  flight.meanwhile = Kept(reply);
  GiveBack(flight);
  AnswerFromMeanwhile(id, flight);
  return true;
}

// Nothing is held for those who ask with these options, but something is that would serve them for
// want of it: they wait for that no longer than others. Not looked for before the answer is late.
void QueryPath::AwaitForWantOfOwn(FlightId id, Flight& flight) {
  if (flight.patience_runs || flight.cache == nullptr) return;
  const auto& last_good = flight.cache->settings().last_good;
  if (!last_good || !last_good->Covers(BadKind::kTimeout)) return;
  if (flight.purpose != FlightPurpose::kClient) return;
  if (!flight.cache->KnownOfPlainer(flight.key, flight.query->name(), now()).held) return;
  StartPatience(id, flight, now() - flight.asked);
}

void QueryPath::StartPatience(FlightId id, Flight& flight, MonoTime waited) {
  if (std::exchange(flight.patience_runs, true)) return;
  uint32_t patience = flight.cache->settings().last_good->client_timeout;
  if (flight.query->asked_again) waited = now() - flight.query->arrived;
  if (flight.query->asked_again || waited > MonoTime()) patience = PatienceLeft(patience, waited);
  in_flight_.CallAfter(id, Reminder::kPatience, now(), patience);
}

bool QueryPath::HoldLastGood(const Flight& flight, LastGoodUse use) {
  const auto name = flight.query->name();
  const PacketCache::HoldHow how{
      .now = now(), .asked = flight.asked, .asked_epoch = flight.asked_epoch, .use = use};
  bool held = flight.cache->Hold(flight.key, name, how);
  held |= flight.has_scope_zero_key && flight.cache->Hold(flight.scope_zero_key, name, how);
  return held || (use == LastGoodUse::kAny && flight.cache->Adopt(flight.key, name, how));
}

void QueryPath::GiveBack(const Flight& flight) {
  if (flight.cache == nullptr) return;
  const auto name = flight.query->name();
  flight.cache->GiveBack(flight.key, name, now());
  if (flight.has_scope_zero_key) flight.cache->GiveBack(flight.scope_zero_key, name, now());
}

void QueryPath::ForgetLastGood(const Flight& flight) {
  const auto name = flight.query->name();
  flight.cache->Forget(flight.key, name, flight.asked);
  if (flight.has_scope_zero_key) {
    flight.cache->Forget(flight.scope_zero_key, name, flight.asked);
  }
}

// False where it was evicted since it was looked for; then the query is still the caller's.
bool QueryPath::AnswerFromLastGood(QueryPtr& query, const Flight& flight) {
  query->Reserve(env_.queries.packets(), flight.cache->settings().maximum_entry_size);
  Route route({.query = *query, .now = now(), .random = env_.random});
  route.pool = config_->FindPool(query->pool_name);
  route.cache = flight.cache.get();
  route.key = flight.key;
  if (flight.has_scope_zero_key) route.scope_zero_key = flight.scope_zero_key;
  if (route.pool == nullptr || !LookUp(*query, route, LastGoodUse::kAny)) return false;
  FinishHit(std::move(query));
  return true;
}

// The flight has ended: with a last good answer, or with the bad one.
void QueryPath::AnswerWithWhatThereIs(QueryPtr query, const Flight& ended) {
  if (AnswerFromLastGood(query, ended)) return;
  if (ended.bad == nullptr) return Drop(std::move(query), DropReason::kBackend);
  DeliverToWaiter(std::move(query), ended,
                  {.message = ended.bad->message, .backend = ended.bad->from, .facts = {}});
}

void QueryPath::NoteStaleAnswer(Query& query) {
  env_.stats.counters.Add(Metric::kLastGoodAnswers);
  query.Extras().extended_errors.push_back({.code = StaleCodeOf(query), .text = {}});
}

void QueryPath::ForgetStaleAnswer(Query& query) {
  query.last_good_hit = false;
  std::erase_if(query.Extras().extended_errors, [](const ExtendedError& error) {
    return error.code == kStaleAnswer || error.code == kStaleNxdomainAnswer;
  });
}

// It may be as old as the file: nobody is to keep it for long.
void QueryPath::CapIfStandby(Query& query, const PacketCache* cache, const Reply& reply) {
  if (!reply.facts.standby || reply.facts.judgement.cls != AnswerClass::kGood) return;
  const auto* last_good = cache == nullptr ? nullptr : &cache->settings().last_good;
  const uint32_t ttl_s =
      last_good != nullptr && *last_good ? (*last_good)->ttl_s : LastGoodSettings().ttl_s;
  (void)dns::VisitTtls(query.message(), query.records_start(),
                       [ttl_s](const dns::Record& record) { return std::min(record.ttl, ttl_s); });
}

void QueryPath::NoteLastGood(const Flight& flight, std::string_view why) {
  uint64_t suppressed = 0;
  if (!last_good_notes_.Allow(now(), &suppressed)) return;
  const Query& query = *flight.query;
  const BackendPtr& last =
      flight.bad != nullptr
          ? flight.bad->from
          : flight.attempts[std::max(flight.attempt_count, uint8_t{1}) - 1u].backend;
  LogWarning("cache", "last good answer for {} {}: the answer of {} is {}{}",
             query.NameCopy().ToString(), dns::TypeName(query.question.type),
             last == nullptr ? std::string("no server") : last->NameWithAddress(), why,
             LeftOut(suppressed));
}

}  // namespace breakwater
