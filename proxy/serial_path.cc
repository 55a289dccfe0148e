// Which version of a zone a server's answers are of: SOA serials (backend/zone_serials.h). An
// answer of a server that came back waits, for as long as a SOA question takes, until it is known
// that the server is not behind.
#include <algorithm>
#include <utility>

#include "proxy/query_path.h"

namespace breakwater {

// Where health by zone decides, and is to look at serials.
bool QueryPath::SerialsCount(const Query& query) {
  if (!config_->settings.zone_health.serials.on) return false;
  const Pool* pool = config_->FindPool(query.pool_name);
  return pool != nullptr && ZonesFor(*pool) != nullptr;
}

// What the answer tells of its server's serial, then what that serial says of the answer.
void QueryPath::LookAtSerial(const Flight& flight, const AnswerFacts& facts, KnownAnswer& known,
                             Reply& reply) {
  const Query& query = *flight.query;
  if (!SerialsCount(query)) return;
  const ZoneHealth::Asked asked{.name = ZoneNameOf(query),
                                .backend = reply.backend->number(),
                                .comebacks = reply.backend->health().comebacks(),
                                .now = now(),
                                .standby = IsStandby(query, *reply.backend)};
  const bool vanished = !facts.has_answer && facts.soa_labels < known.apex_labels;
  if (!reply.facts.serial_told && facts.SpeaksForZone() && facts.serial && !vanished) {
    const bool at_apex = *facts.soa_labels == query.NameCopy().CountLabels();
    const bool asked_for = flight.purpose == FlightPurpose::kZoneQuestion && at_apex;
    env_.zones.TellSerial(asked, *facts.soa_labels, *facts.serial,
                          asked_for ? SerialSource::kServer : SerialSource::kAnswer);
  }
  const auto [standing, zone_labels, behind] = env_.zones.StandingOf(asked);
  // Of a child zone that is not known yet.
  if (facts.Apex().value_or(0) > zone_labels) return;
  known.older_server = standing == ZoneHealth::Standing::kOlder;
  // Nobody is asked to prove what a question of ours brings, nor what has waited for that.
  const bool last_word = flight.purpose == FlightPurpose::kZoneQuestion || reply.facts.serial_told;
  // A zone above answers; or a CNAME leads there.
  const bool from_above =
      facts.has_answer && facts.SpeaksForZone() && facts.Apex().value_or(zone_labels) < zone_labels;
  reply.facts.lost = standing == ZoneHealth::Standing::kLost || (from_above && !last_word);
  reply.facts.unproved = reply.facts.lost || standing == ZoneHealth::Standing::kUnproved;
  known.lost_zone = reply.facts.lost && last_word && facts.soa_labels.value_or(0) < zone_labels;
  reply.facts.zone_labels = zone_labels;
  reply.facts.behind = behind;
}

bool QueryPath::IsToBeProved(const Flight& flight, const Reply& reply) {
  return reply.facts.lost && !reply.facts.serial_told &&
         reply.facts.judgement.cls == AnswerClass::kGood &&
         flight.purpose != FlightPurpose::kZoneQuestion;
}

bool QueryPath::WaitForSerial(FlightId id, Flight& flight, uint8_t attempt, Reply& reply) {
  using Proof = ZoneQuestions::Proof;
  if (reply.facts.judgement.cls != AnswerClass::kGood) return false;
  const ZoneQuestion question{ZoneOf(flight.query->NameCopy(), reply.facts.zone_labels),
                              reply.backend, flight.query->pool_name};
  // One answer can wait: another server's counts no more for that.
  const bool waits = flight.unproved != nullptr;
  const Proof proof = waits ? Proof::kNone : zone_questions_.AwaitSerial(question, id, now());
  if (proof == Proof::kNone) {
    reply.facts.judgement = {.cls = AnswerClass::kBad, .kind = reply.facts.suspected()};
    return false;
  }
  env_.stats.counters.Add(Metric::kSerialWaits);
  flight.unproved =
      std::make_unique<BadReply>(BadReply{.message = {reply.message.begin(), reply.message.end()},
                                          .from = reply.backend,
                                          .kind = reply.facts.suspected(),
                                          .datagram = reply.facts.datagram,
                                          .attempt = attempt});
  in_flight_.EndAttempt(id, attempt);
  if (proof == ZoneQuestions::Proof::kAsk) AskAboutZone(question);
  return true;
}

void QueryPath::EndSerialWaits(const std::vector<FlightId>& waiting, const BackendPtr& backend,
                               SerialAnswer answer) {
  for (const FlightId id : waiting) {
    Flight* flight = in_flight_.Find(id);
    if (flight == nullptr || flight->unproved == nullptr) continue;
    if (flight->unproved->from != backend) continue;
    const std::unique_ptr<BadReply> held = std::move(flight->unproved);
    Reply reply{.message = held->message,
                .backend = held->from,
                .facts = FactsOf(*flight, held->datagram, held->message)};
    reply.facts.serial_told = true;
    Judge(*flight, reply);
    // It does not answer for the zone now: what it said counts no more than what is known to be
    // older. Where its answer has no serial, for it is no server of the zone itself, that is all
    // there is to know.
    if (reply.facts.unproved && answer == SerialAnswer::kFailed) {
      reply.facts.judgement = {.cls = AnswerClass::kBad, .kind = reply.facts.suspected()};
    }
    if (held->kind == BadKind::kVanished) (void)NoteForZone(*flight, reply);  // not counted before
    if (reply.facts.judgement.kind == BadKind::kOlder) {
      env_.stats.counters.Add(Metric::kOlderAnswers);
    }
    UseReply(id, *flight, held->attempt, reply);
  }
}

// Of all servers that answer for the zone, those that nobody asks as well: what they hold tells
// whether those that are asked are behind.
void QueryPath::AskSerials(const Query& query, const ZoneHealth::Noted& noted) {
  if (!SerialsCount(query)) return;
  ZoneQuestion question{ZoneOf(query.NameCopy(), noted.apex_labels), nullptr, query.pool_name};
  if (!zone_questions_.MayAskSerial(now())) return;
  if (!env_.zones.TakeSerialTurn(question.name.wire(), now())) return;
  const ConfigPtr config = config_;
  bool paid = true;  // for the first
  for (const BackendPtr& server : config->FindPool(query.pool_name)->servers) {
    if (!server->IsUp()) continue;
    if (!paid && !zone_questions_.MayAskSerial(now())) return;
    paid = false;
    question.backend = server;
    AskAboutZone(question);
  }
}

}  // namespace breakwater
