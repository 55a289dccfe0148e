// What a drill asks of the query path (backend/drills.h): a share of the first tier's answers is
// compared with what the standby says. A mirrored question is a flight of our own, without a
// client; in a live drill the client's own flight goes on to the standby, for kLivePatience_ms at
// most.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/backend/drill_compare.h"
#include "proxy/base/byte_writer.h"
#include "proxy/dns/record_walker.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

constexpr uint32_t kLivePatience_ms = 200;
constexpr uint16_t kAskedSize = 1232;
constexpr size_t kLongestQuestion = dns::kHeaderSize + dns::kMaxNameLength + 4 + 11;

// The question of a query that was answered, as somebody with the same flags would ask it.
size_t WriteQuestion(const Query& query, std::span<uint8_t> room) {
  ByteWriter out(room);
  out.U16(0);
  out.U16(static_cast<uint16_t>(query.client_flags & (dns::kFlagRd | dns::kFlagCd)));
  out.U16(1);
  out.U32(0);
  out.U16(query.client_has_edns ? 1 : 0);
  out.Bytes(query.name());
  out.U16(static_cast<uint16_t>(query.question.type));
  out.U16(static_cast<uint16_t>(query.question.cls));
  if (query.client_has_edns) {
    out.U8(0);
    out.U16(static_cast<uint16_t>(dns::Type::kOpt));
    out.U16(kAskedSize);
    out.U32(query.client_dnssec_ok ? 0x8000 : 0);
    out.U16(0);
  }
  return out.offset();
}

bool Holds(const std::vector<BackendPtr>& servers, const BackendPtr& server) {
  return std::ranges::find(servers, server) != servers.end();
}

// The zone that an answer speaks for, as far as it or the table of zones says so.
dns::Name ZoneOf(const Query& query, std::span<const uint8_t> answer, uint8_t known_labels) {
  dns::Name zone = query.NameCopy();
  const size_t own = zone.CountLabels();
  const auto start = dns::RecordsStart(answer);
  const auto apex = FactsOfAnswer(answer, start.value_or(dns::kHeaderSize), query.name()).Apex();
  size_t labels = std::max(apex.value_or(0), known_labels);
  if (labels == 0) labels = own > 2 ? own - 1 : own;
  for (size_t left = own; left > labels; --left) (void)zone.ChopOff();
  return zone;
}

}  // namespace

// Null where the drill is of no concern to the query's pool.
const Pool* QueryPath::DrilledPool(const Query& query, const DrillProbe& probe) const {
  const Pool* pool = config_->FindPool(query.pool_name);
  if (pool == nullptr || pool->tiers.empty()) return nullptr;
  const bool behind = !Holds(pool->tiers.front(), probe.standby);
  return behind && Holds(pool->servers, probe.standby) ? pool : nullptr;
}

bool QueryPath::CompareInDrill(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply) {
  const Query& query = *flight.query;
  if (!env_.drills.Draws(env_.random) || query.header().opcode() != dns::Opcode::kQuery) {
    return false;
  }
  if (reply.facts.judgement.cls != AnswerClass::kGood || reply.facts.standby) return false;
  if (!IsComparable(reply.message) || !env_.drills.TakeFromBudget(now())) return false;
  auto probe = env_.drills.Probe(now());
  if (probe == nullptr || DrilledPool(query, *probe) == nullptr) return false;
  probe->answer.assign(reply.message.begin(), reply.message.end());
  probe->from = reply.backend;
  probe->datagram = reply.facts.datagram;
  if (probe->mode == DrillMode::kMirror || query.target == nullptr ||
      flight.attempt_count == kMaxAttempts) {
    Mirror(query, std::move(probe));
    return false;
  }
  const BackendPtr standby = probe->standby;
  flight.drill = std::move(probe);
  for (uint8_t other = 0; other < flight.attempt_count; ++other) {
    Exchange* exchange = flight.attempts[other].exchange;
    if (other != attempt && exchange != nullptr) exchange->Cancel(id, other);
    (void)in_flight_.EndAttempt(id, other);
  }
  if (!AskForDrill(id, standby)) DeliverDrilled(id, flight);
  return true;
}

void QueryPath::Mirror(const Query& query, std::unique_ptr<DrillProbe> probe) {
  const BackendPtr standby = probe->standby;
  probe->mode = DrillMode::kMirror;
  const bool over_stream = !probe->datagram;
  const FlightId id = in_flight_.Open(CopyWithoutClient(query, env_.queries), now());
  Flight& flight = *in_flight_.Find(id);
  flight.over_stream = over_stream;
  flight.drill = std::move(probe);
  if (!AskForDrill(id, standby)) (void)TakeFlight(id);
}

// The cache has answered: what does the first tier say now?
void QueryPath::CompareHit(const Query& query) {
  if (query.last_good_hit || query.stale_hit || !env_.drills.Draws(env_.random)) return;
  if (!env_.drills.TakeFromBudget(now())) return;
  auto probe = env_.drills.Probe(now());
  if (probe == nullptr) return;
  const Pool* pool = DrilledPool(query, *probe);
  if (pool == nullptr) return;
  std::array<uint8_t, kLongestQuestion> message;
  const size_t size = WriteQuestion(query, message);
  QueryPtr own = CopyWithoutClient(query, env_.queries);
  own->ReplaceMessage(env_.queries.packets(), std::span(message).first(size));
  const auto question = dns::ParseQuestion(own->message());
  if (!question) return;
  own->question = *question;
  own->edns = dns::FindEdns(own->message(), question->end()).value_or(dns::Edns{});
  own->is_response = own->from_cache = own->question_left_out = false;
  PolicyContext context{.query = *own, .now = now(), .random = env_.random};
  const PolicyPtr& policy = pool->policy ? pool->policy : config_->policy;
  const BackendPtr first = ChooseBackendFor({*pool, *policy, context, ZonesFor(*pool)});
  if (first == nullptr || IsStandby(*own, *first)) return;
  probe->mode = DrillMode::kMirror;
  probe->stage = DrillProbe::Stage::kFirstTier;
  const FlightId id = in_flight_.Open(std::move(own), now());
  in_flight_.Find(id)->drill = std::move(probe);
  if (!AskForDrill(id, first)) (void)TakeFlight(id);
}

bool QueryPath::AskForDrill(FlightId id, const BackendPtr& backend) {
  const Flight& flight = *in_flight_.Find(id);
  const bool stream =
      flight.query->NeedsStream() || flight.over_stream || backend->settings().tcp_only;
  Exchange* exchange =
      env_.exchange_for(backend, stream ? BackendTransport::kStream : BackendTransport::kDatagram);
  if (exchange == nullptr) return false;
  const bool live = flight.drill->mode == DrillMode::kLive;
  const uint32_t timeout_ms =
      live ? std::min(kLivePatience_ms, TimeoutMs(*backend)) : TimeoutMs(*backend);
  if (!in_flight_.StartAttempt(id, {backend, *exchange, timeout_ms}, now())) return false;
  backend->counters().queries.Add();
  return true;
}

void QueryPath::OnDrillReply(FlightId id, Flight& flight, uint8_t attempt,
                             std::span<const uint8_t> reply) {
  DrillProbe& probe = *flight.drill;
  const Exchange* exchange = flight.attempts[attempt].exchange;
  if (exchange == nullptr) return;
  CountReply(flight, attempt, reply);
  const bool datagram = exchange->IsDatagram();
  Reply answer{.message = reply,
               .backend = flight.attempts[attempt].backend,
               .facts = FactsOf(flight, datagram, reply)};
  (void)in_flight_.EndAttempt(id, attempt);
  const bool cut = dns::ConstHeader(reply.data()).Has(dns::kFlagTc);
  // What was cut cannot be compared: a stream brings the whole. A client does not wait for that.
  if (cut && datagram && probe.mode == DrillMode::kLive) {
    auto whole = std::make_unique<DrillProbe>(probe);
    whole->datagram = false;
    Mirror(*flight.query, std::move(whole));
    return DeliverDrilled(id, flight);
  }
  if (cut && datagram && flight.attempt_count < kMaxAttempts) {
    flight.over_stream = true;
    if (AskForDrill(id, answer.backend)) return;
  }
  Judge(flight, answer);
  if (probe.stage == DrillProbe::Stage::kFirstTier) {
    (void)NoteForZone(flight, answer);
    if (answer.facts.judgement.cls != AnswerClass::kGood || !IsComparable(reply)) {
      (void)TakeFlight(id);
      return;
    }
    probe.answer.assign(reply.begin(), reply.end());
    probe.stage = DrillProbe::Stage::kStandby;
    if (!AskForDrill(id, BackendPtr(probe.standby))) (void)TakeFlight(id);
    return;
  }
  const bool live = probe.mode == DrillMode::kLive;
  const auto difference = cut ? std::nullopt : DifferenceOf(probe.answer, reply);
  const bool serve = live && !cut && !difference;
  if (!cut) NoteInDrill(flight, {.difference = difference, .served = serve});
  // What the first tier has just confirmed is kept as its own would be.
  answer.facts.standby = answer.facts.standby && !serve;
  if (serve) return Deliver(TakeFlight(id), answer);
  live ? DeliverDrilled(id, flight) : (void)TakeFlight(id);
}

// Once is a lost datagram, twice is no answer. A client does not wait for that.
void QueryPath::OnDrillSilence(FlightId id, Flight& flight, FailureKind kind) {
  const DrillProbe& probe = *flight.drill;
  if (probe.mode == DrillMode::kLive) return DeliverDrilled(id, flight);
  if (probe.stage == DrillProbe::Stage::kStandby && kind != FailureKind::kSend) {
    const auto asked = std::ranges::count(std::span(flight.attempts).first(flight.attempt_count),
                                          probe.standby, &Attempt::backend);
    if (asked < 2 && AskForDrill(id, BackendPtr(probe.standby))) return;
    NoteInDrill(flight, {.silent = true, .difference = "the standby gives no answer"});
  }
  (void)TakeFlight(id);
}

void QueryPath::NoteInDrill(const Flight& flight, const DrillOutcome& outcome) {
  using Kind = DrillResult::Kind;
  env_.stats.counters.Add(Metric::kDrillQueries);
  DrillResult result{.drill = flight.drill->drill, .served = outcome.served};
  if (outcome.difference) {
    env_.stats.counters.Add(Metric::kDrillDifferences);
    const Query& query = *flight.query;
    result.kind = outcome.silent ? Kind::kUnanswered : Kind::kDifferent;
    result.zone = ZoneOf(query, flight.drill->answer, env_.zones.ApexOf(ZoneNameOf(query)));
    result.question = query.NameCopy().ToString() + " " + dns::TypeName(query.question.type);
    result.difference = *outcome.difference;
  }
  env_.drills.Note(result);
}

// What the first tier said is what the client gets.
void QueryPath::DeliverDrilled(FlightId id, Flight& flight) {
  const std::unique_ptr<DrillProbe> probe = std::move(flight.drill);
  Reply reply{.message = probe->answer,
              .backend = probe->from,
              .facts = FactsOf(flight, probe->datagram, probe->answer)};
  Judge(flight, reply);
  Deliver(TakeFlight(id), reply);
}

}  // namespace breakwater
