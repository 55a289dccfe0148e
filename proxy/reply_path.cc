// From a backend's reply, a cache hit or a self-made answer to the datagram or frame that leaves.
#include <algorithm>
#include <utility>

#include "proxy/dns/client_subnet.h"
#include "proxy/dns/extended_error.h"
#include "proxy/dns/rewrite.h"
#include "proxy/query/message_edit.h"
#include "proxy/query/restart.h"
#include "proxy/query/self_answer.h"
#include "proxy/query/transport_options.h"
#include "proxy/query_path.h"
#include "proxy/verbose_lines.h"

namespace breakwater {
namespace {

constexpr size_t kLeastUdpSize = 512;  // what every client takes (RFC 1035, 4.2.1)
constexpr uint16_t kClientBits = dns::kFlagRd | dns::kFlagCd;

constexpr int kMostStopRounds = 4;

// The client's own ID, RD and CD; its own spelling of the name where the question is there.
void RestoreClient(Query& query) {
  dns::Header header = query.header();
  header.set_id(query.client_id);
  header.set_flags(
      static_cast<uint16_t>((header.flags() & ~kClientBits) | (query.client_flags & kClientBits)));
  if (query.client_name_saved && !query.question_left_out &&
      header.count(dns::Section::kQuestion) == 1 &&
      query.size >= dns::kHeaderSize + query.client_name_length &&
      query.question.name_length == query.client_name_length) {
    std::copy_n(query.client_name.data(), query.client_name_length, query.data + dns::kHeaderSize);
  }
}

}  // namespace

void QueryPath::OnReply(FlightId id, uint8_t attempt, std::span<uint8_t> reply) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr || attempt >= flight->attempt_count) return;
  if (flight->query->IsTransfer()) return OnLastPart(id, attempt, reply);
  if (flight->drill != nullptr) return OnDrillReply(id, *flight, attempt, reply);
  CountReply(*flight, attempt, reply);
  if (flight->purpose == FlightPurpose::kOverdue) {
    in_flight_.EndAttempt(id, attempt);
    return EndIfOverdue(id);
  }
  if (dns::ConstHeader(reply.data()).Has(dns::kFlagTc) && AskOverStream(id, *flight, attempt)) {
    return;
  }
  if (AskPlainly(id, *flight, attempt, dns::ConstHeader(reply.data()).rcode())) return;
  const Exchange* exchange = flight->attempts[attempt].exchange;
  const bool datagram = exchange != nullptr && exchange->IsDatagram();
  Reply answer{.message = reply,
               .backend = flight->attempts[attempt].backend,
               .facts = FactsOf(*flight, datagram, reply)};
  Judge(*flight, answer);
  const ZoneHealth::Noted noted = NoteForZone(*flight, answer);
  const bool bad = answer.facts.judgement.cls == AnswerClass::kBad;
  const auto kind = bad ? std::optional(answer.facts.judgement.kind) : std::nullopt;
  if (flight->purpose == FlightPurpose::kZoneQuestion) {
    return EndZoneQuestion(id, answer.backend, noted, kind);
  }
  AskMore(*flight->query, answer.backend, noted, kind);
  if (kind == BadKind::kOlder) env_.stats.counters.Add(Metric::kOlderAnswers);
  if (noted.serials_due) AskSerials(*flight->query, noted);
  // Questions that cannot be sent end at once, and with them waits for a serial, this one perhaps.
  flight = in_flight_.Find(id);
  if (flight == nullptr) return;
  if (answer.facts.unproved && WaitForSerial(id, *flight, attempt, answer)) return;
  UseReply(id, *flight, attempt, answer);
}

void QueryPath::UseReply(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply) {
  const AnswerClass worth = reply.facts.judgement.cls;
  if (worth != AnswerClass::kGood && EndIfAhead(id, flight)) return;
  if (reply.facts.by_option && !flight.waiters.empty()) {
    SendOthersAgain(flight);
    if (in_flight_.Find(id) == nullptr) return;
  }
  if (worth == AnswerClass::kBad && WaitForBetter(id, flight, attempt, reply)) return;
  if (reply.facts.judgement.by_option && ServeInstead(id, flight, reply)) return;
  // What was judged bad for its server's sake is none of these, whatever it says.
  const bool good = worth == AnswerClass::kGood;
  if (good && reply.facts.empties && AskForAnotherWord(id, flight, attempt, reply)) return;
  if (good && reply.facts.outdone && ServeWhatOutdoes(id, flight, attempt, reply)) return;
  if (reply.facts.standby && AnswerMeanwhile(id, flight, attempt, reply)) return;
  if (env_.drills.running() && CompareInDrill(id, flight, attempt, reply)) return;
  Deliver(TakeAnswered(id, attempt), reply);
}

// The first to ask stores the answer; each who joined it runs rules of its own on the raw reply.
void QueryPath::Deliver(Flight ended, const Reply& reply) {
  // It said nothing that counts, or a standby knows better than what was flushed: the next to ask
  // may try at once.
  const bool counts = reply.facts.judgement.cls != AnswerClass::kNeutral;
  const bool better = reply.facts.standby && reply.facts.judgement.cls == AnswerClass::kGood;
  if (ended.refreshes && (!counts || better)) GiveBack(ended);
  std::vector<QueryPtr> waiters = std::move(ended.waiters);
  DeliverToAsker(ended, reply);
  for (QueryPtr& waiter : waiters) DeliverToWaiter(std::move(waiter), ended, reply);
}

void QueryPath::DeliverToAsker(Flight& ended, const Reply& reply) {
  Query& query = *ended.query;
  query.answered_by = reply.backend->address();
  TellAnswered(query, *reply.backend, now() - ended.asked);
  TakeReply(query, reply.message);
  UndoBackendChanges(query);
  CapIfStandby(query, ended.cache.get(), reply);
  if (!PassResponseChain(ended.query, ResponseChainKind::kResponse, &reply.backend)) {
    if (ended.query != nullptr) ParkReply(ended, reply);
    return;
  }
  StoreAndFinish(ended, reply.facts, reply.backend);
}

void QueryPath::StoreAndFinish(Flight& ended, const ReplyFacts& facts, const BackendPtr& backend) {
  Query& query = *ended.query;
  if (ended.cache != nullptr && !query.skip_cache) {
    StoreInCache(ended, query, facts);
    if (!RunResponseChain(query, ResponseChainKind::kCacheInserted, &backend)) {
      return Drop(std::move(ended.query), DropReason::kRule);
    }
  }
  Finish(std::move(ended.query));
}

Flight QueryPath::TakeFlight(FlightId id) {
  joined_.Remove(*in_flight_.Find(id));
  return in_flight_.Take(id);
}

// A client on a stream cannot be told to ask again over TCP: we do it for it, and for what the
// cache holds. Where that cannot be done, the truncated answer is what there is.
bool QueryPath::AskOverStream(FlightId id, Flight& flight, uint8_t attempt) {
  const Attempt& answered = flight.attempts[attempt];
  const bool wanted = flight.query->tcp() || flight.refreshes;
  if (!wanted || answered.exchange == nullptr || !answered.exchange->IsDatagram() ||
      flight.attempt_count >= kMaxAttempts) {
    return false;
  }
  flight.over_stream = true;
  if (!Start(id, BackendPtr(answered.backend))) return false;
  in_flight_.EndAttempt(id, attempt);
  return true;
}

void QueryPath::CountReply(Flight& flight, uint8_t attempt, std::span<const uint8_t> reply) {
  Attempt& answered = flight.attempts[attempt];
  Backend& backend = *answered.backend;
  backend.health().NoteAnswer();
  backend.counters().responses.Add();
  env_.stats.counters.Add(Metric::kResponses);
  // Of one that others were asked for: it would have them asked later.
  if (flight.purpose != FlightPurpose::kOverdue) {
    const double us = static_cast<double>((now() - answered.sent).us());
    if (answered.exchange != nullptr && answered.exchange->IsDatagram()) {
      backend.AddUdpLatency(us);
    } else {
      backend.AddTcpLatency(us);
    }
  }
  const dns::RCode rcode = dns::ConstHeader(reply.data()).rcode();
  if (rcode == dns::RCode::kServFail) env_.stats.counters.Add(Metric::kServfailResponses);
  const bool servfail_counts =
      backend.settings().health.lazy_mode == LazyFailureMode::kTimeoutOrServFail;
  backend.health().AddSample(servfail_counts && rcode == dns::RCode::kServFail
                                 ? HealthState::Sample::kFailed
                                 : HealthState::Sample::kGood);
}

void QueryPath::TakeReply(Query& query, std::span<const uint8_t> reply) {
  query.ReplaceMessage(env_.queries.packets(), reply);
  query.is_response = true;
  query.question_left_out = query.header().count(dns::Section::kQuestion) == 0;
  if (!config_->settings.truncate_tc || !query.header().Has(dns::kFlagTc)) return;
  dns::EditBuffer buffer = query.edit();
  dns::TruncateAnswer(buffer, query.records_start());
  query.Take(buffer);
}

void QueryPath::UndoBackendChanges(Query& query) {
  RestoreClient(query);
  if (!query.edns_added && !query.ecs_added) return;
  dns::EditBuffer buffer = query.edit();
  const size_t question_end = query.records_start();
  if (query.edns_added) {
    (void)dns::RemoveOpt(buffer, question_end);
  } else {
    (void)dns::RemoveOption(buffer, question_end, dns::OptionCode::kClientSubnet);
  }
  query.Take(buffer);
}

bool QueryPath::RunResponseChain(Query& query, ResponseChainKind kind, const BackendPtr* backend) {
  const ResponseRuleChain& chain = config_->chains.Of(kind);
  if (chain.empty()) return true;
  RuleContext context = Rules(backend);
  context.may_restart =
      kind != ResponseChainKind::kCacheInserted && kind != ResponseChainKind::kXfr;
  if (!context.may_restart) context.suspender = nullptr;
  return RunChain(chain, query, context) != Flow::kDrop;
}

bool QueryPath::PassResponseChain(QueryPtr& query, ResponseChainKind kind,
                                  const BackendPtr* backend) {
  const bool goes_on = config_->chains.Of(kind).empty() || RunResponseChain(*query, kind, backend);
  if (query->suspended != 0) return false;
  if (query->restart_asked) {
    Restart(std::move(query));
    return false;
  }
  if (!goes_on) Drop(std::move(query), DropReason::kRule);
  return goes_on;
}

void QueryPath::Restart(QueryPtr query) {
  if (query->last_good_hit) ForgetStaleAnswer(*query);
  PutBack(*query, env_.queries.packets());
  BeginAgain(std::move(query));
}

void QueryPath::BeginAgain(QueryPtr query) {
  Route route({.query = *query, .now = now(), .random = env_.random});
  const Verdict verdict = Prepare(*query, route);
  if (verdict == Verdict::kContinue) {
    Proceed(std::move(query), route);
  } else {
    Conclude(std::move(query), verdict);
  }
}

QueryPath::ReplyFacts QueryPath::FactsOf(const Flight& flight, bool datagram,
                                         std::span<const uint8_t> reply) const {
  ReplyFacts facts{.datagram = datagram};
  if (!flight.has_scope_zero_key) return facts;
  const bool left_out = dns::ConstHeader(reply.data()).count(dns::Section::kQuestion) == 0;
  const auto edns =
      dns::FindEdns(reply, left_out ? dns::kHeaderSize : flight.query->question.end());
  if (!edns) return facts;
  const auto subnet = dns::FindClientSubnet(reply, *edns);
  facts.scope_zero = !subnet || subnet->scope == 0;
  return facts;
}

void QueryPath::StoreInCache(Flight& flight, const Query& query, const ReplyFacts& facts) {
  if (facts.empties && facts.judgement.removes) return ForgetLastGood(flight);
  const CacheInsert how{
      .now = now(),
      .asked = flight.asked,
      .asked_epoch = flight.asked_epoch,
      .datagram = facts.datagram,
      .temporary_failure_ttl = query.temp_failure_ttl,
      .worth = facts.judgement.cls,
      .apex_labels = facts.apex_labels,
      .standby = facts.standby,
      .lasting = facts.judgement.removes && flight.cache->settings().last_good.has_value()};
  if (how.lasting) ForgetLastGood(flight);
  const CacheKey& key =
      flight.has_scope_zero_key && facts.scope_zero ? flight.scope_zero_key : flight.key;
  if (!query.answer_renamed) {
    (void)flight.cache->Insert(key, query.message(), how);
  } else if (const auto answer = UnderAskedName(query); !answer.empty()) {
    (void)flight.cache->Insert(key, answer, how);
  }
}

void QueryPath::FinishHit(QueryPtr query) {
  query->is_response = true;
  query->from_cache = true;
  TellHit(*query);
  env_.stats.counters.Add(Metric::kResponses);
  RestoreClient(*query);
  if (query->last_good_hit) NoteStaleAnswer(*query);
  if (drill_runs_) CompareHit(*query);
  if (!PassResponseChain(query, ResponseChainKind::kCacheHit, nullptr)) {
    return ParkAnswer(std::move(query));
  }
  Finish(std::move(query));
}

void QueryPath::FinishSelfAnswer(QueryPtr query) {
  query->is_response = true;
  query->self_answered = true;
  env_.stats.counters.Add(Metric::kSelfAnswered);
  RestoreClient(*query);
  if (!PassResponseChain(query, ResponseChainKind::kSelfAnswered, nullptr)) {
    return ParkAnswer(std::move(query));
  }
  Finish(std::move(query));
}

void QueryPath::Finish(QueryPtr query) {
  if (query->target == nullptr) return;  // one of ours: what it brought is in the cache
  if (query->max_returned_ttl > 0) CapTtl(*query);
  if (query->extras() != nullptr) WriteExtendedErrors(*query);
  FitToClient(*query);
  if (query->client_pads || query->client_keepalive) {
    WriteTransportOptions(*query, env_.queries.packets(), config_->settings.tcp_recv_timeout_s);
  }
  CountAnswer(*query);
  if (query->delay_ms > 0 && IsDatagram(query->protocol)) {
    query->Detach(env_.queries.packets());
    const MonoTime when = now() + MonoTime::FromMs(query->delay_ms);
    return delayed_.Hold(std::move(query), when);
  }
  ReplyTarget* target = query->target;
  target->Send(std::move(query));
}

void QueryPath::CapTtl(Query& query) {
  const uint32_t cap = query.max_returned_ttl;
  (void)dns::VisitTtls(query.message(), query.records_start(),
                       [cap](const dns::Record& record) { return std::min(record.ttl, cap); });
}

void QueryPath::WriteExtendedErrors(Query& query) {
  const QueryExtras& extras = *query.extras();
  if (extras.extended_errors.empty() || !query.client_has_edns) return;
  query.Detach(env_.queries.packets());
  dns::EditBuffer buffer = query.edit();
  const size_t question_end = query.records_start();
  // What was asked without EDNS, or of a server without.
  const bool lacks_opt = !query.self_answered && [&] {
    const auto edns = dns::FindEdns(query.message(), question_end);
    return edns && !edns->present;
  }();
  if (lacks_opt) {
    (void)dns::AddOpt(buffer, {.udp_size = config_->settings.payload_size_on_self_generated,
                               .dnssec_ok = query.client_dnssec_ok});
  }
  if (extras.clear_extended_errors) {
    (void)dns::RemoveOption(buffer, question_end, dns::OptionCode::kExtendedError);
  }
  for (const ExtendedError& error : extras.extended_errors) {
    (void)dns::AppendExtendedError(buffer, question_end, {error.code, error.text});
  }
  query.Take(buffer);
}

void QueryPath::FitToClient(Query& query) {
  size_t limit = query.MaxAnswerSize();
  if (!query.tcp() && config_->settings.max_udp_response_size != 0) {
    limit = std::min<size_t>(limit, config_->settings.max_udp_response_size);
  }
  if (!query.tcp() && query.self_answered) {
    limit = std::min<size_t>(
        limit, std::max<size_t>(config_->settings.payload_size_on_self_generated, kLeastUdpSize));
  }
  if (query.size <= limit) return;
  dns::EditBuffer buffer = query.edit();
  dns::TruncateAnswer(buffer, query.records_start());
  query.Take(buffer);
}

void QueryPath::CountAnswer(const Query& query) {
  switch (query.header().rcode()) {
    case dns::RCode::kNoError:
      env_.stats.counters.Add(Metric::kFrontendNoerror);
      break;
    case dns::RCode::kNxDomain:
      env_.stats.counters.Add(Metric::kFrontendNxdomain);
      break;
    case dns::RCode::kServFail:
      env_.stats.counters.Add(Metric::kFrontendServfail);
      break;
    default:
      break;
  }
  // Answers of our own leave in the turn in which their queries came, but for queries that began
  // anew, or waited before and so have memory of their own.
  const bool at_once =
      (query.from_cache || query.self_answered) && query.restarts == 0 && !query.detached();
  const MonoTime when = at_once ? query.arrived : now();
  const int64_t us = (when - query.arrived).us();
  if (query.question.name_length > 0) {
    env_.rings.AddResponse(ring_cursor_, RingRecordOf(query, when), static_cast<uint32_t>(us),
                           query.answered_by);
  }
  env_.stats.RecordLatency(query.protocol, static_cast<uint64_t>(us));
}

void QueryPath::Drop(QueryPtr query, DropReason reason) {
  if (query->target == nullptr) return;
  TellDropped(*query, reason);
  ReplyTarget* target = query->target;
  target->Drop(std::move(query), reason);
}

// Whoever waits gets the last good answer where there is one.
void QueryPath::DropAll() {
  const auto drop = [&](FlightId id) {
    Flight* flight = in_flight_.Find(id);
    if (flight == nullptr) return;
    const bool drilled = flight->drill != nullptr && flight->drill->mode == DrillMode::kLive;
    if (drilled) return DeliverDrilled(id, *flight);
    const bool waited_for = flight->purpose == FlightPurpose::kClient;
    if (waited_for && ServeLastGood(id, *flight, BadKind::kTimeout)) return;
    Flight ended = TakeFlight(id);
    Drop(std::move(ended.query), DropReason::kShutdown);
    for (QueryPtr& waiter : ended.waiters) Drop(std::move(waiter), DropReason::kShutdown);
  };
  // Rules may send an answered query back to its start, and open another: then once more.
  for (int rounds = 0; rounds < kMostStopRounds && in_flight_.size() > 0; ++rounds) {
    in_flight_.ForEach(drop);
  }
  suspended_.DropAll();
  delayed_.DropAll();
}

}  // namespace breakwater
