// Questions that no client waits for: entries about to end, and how zones are.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/dns/message_builder.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

constexpr size_t kOptSize = 11;

// Any will do. PowerDNS keeps whole answers, and gives them to who asks in the very same words: one
// of two thousand it has hardly heard lately.
uint16_t UnusualSize(uint64_t random) {
  constexpr uint16_t kLeast = 1232;  // fits everywhere
  return static_cast<uint16_t>(kLeast + random % 2048);
}

void ReparseEdns(Query& query) {
  query.edns = dns::FindEdns(query.message(), query.question.end()).value_or(dns::Edns{});
}

}  // namespace

// Asks the backend for what `query` asks, and leaves `query` as it is. Not where something is
// wrong: then the answer that is held lasts as long as it can.
void QueryPath::RefreshAhead(const Query& query, const Route& route) {
  const QueryExtras* extras = query.extras();
  if (extras != nullptr && extras->proxy_values) return;
  if (!route.pool->AnyUp() || joined_.Find({query, route.cache})) return;
  QueryPtr own = CopyWithoutClient(query, env_.queries);
  own->SaveClientName();
  Route way({.query = *own, .now = now(), .random = env_.random});
  way.pool = route.pool;
  way.cache = route.cache;
  way.key = route.key;
  way.scope_zero_key = route.scope_zero_key;
  const PolicyPtr& policy = way.pool->policy ? way.pool->policy : config_->policy;
  way.backend = ChooseBackendFor({*way.pool, *policy, way.policy, nullptr});
  if (way.backend == nullptr || IsStandby(*own, *way.backend)) return;
  const bool zones_count = ZonesFor(*way.pool) != nullptr;
  if (zones_count && env_.zones.IsBad(ZoneNameOf(*own), way.backend->number())) return;
  env_.stats.counters.Add(Metric::kRefreshesAhead);
  PrepareForBackend(*own, way);
  Forward(std::move(own), way, FlightPurpose::kAhead);
}

// Nobody waits, and the answer is no better than what is held: it never was asked for.
bool QueryPath::EndIfAhead(FlightId id, const Flight& flight) {
  if (flight.purpose != FlightPurpose::kAhead) return false;
  (void)TakeFlight(id);
  return true;
}

std::optional<FlightId> QueryPath::AskAboutZone(const ZoneQuestion& question) {
  std::array<uint8_t, dns::kHeaderSize + dns::kMaxNameLength + 4 + kOptSize> room;
  dns::MessageBuilder builder(room, 0, 0);
  builder.AddQuestion(question.name, dns::Type::kSoa, dns::Class::kIn);
  // Nobody has asked for the others.
  if (question.name.CountLabels() == question.zone_labels) {
    builder.AddOpt({.udp_size = UnusualSize(env_.random.U64())});
  }
  const auto size = builder.Finish();
  if (!size) return std::nullopt;
  QueryPtr query = env_.queries.Get();
  query->ReplaceMessage(env_.queries.packets(), std::span(room).first(*size));
  query->question = *dns::ParseQuestion(query->message());
  ReparseEdns(*query);
  query->arrived = now();
  query->pool_name = question.pool;
  query->SaveClientName();
  const FlightId id = in_flight_.Open(std::move(query), now());
  Flight& flight = *in_flight_.Find(id);
  flight.purpose = FlightPurpose::kZoneQuestion;
  flight.zone_labels = static_cast<uint8_t>(question.zone_labels);
  env_.stats.counters.Add(Metric::kZoneQuestions);
  if (Start(id, question.backend)) return id;
  const Flight ended = in_flight_.Take(id);
  EndSerialWaits(TakeWaiting(ended, *question.backend), question.backend, SerialAnswer::kFailed);
  return std::nullopt;
}

// A server that does not know EDNS says so (RFC 6891, 7): it is asked once more without.
bool QueryPath::AskPlainly(FlightId id, Flight& flight, uint8_t attempt, dns::RCode rcode) {
  Query& query = *flight.query;
  const bool minds = rcode == dns::RCode::kFormErr || rcode == dns::RCode::kNotImp;
  if (flight.purpose != FlightPurpose::kZoneQuestion || !query.edns.present || !minds) return false;
  dns::EditBuffer buffer = query.edit();
  if (!dns::RemoveOpt(buffer, query.records_start())) return false;
  query.Take(buffer);
  ReparseEdns(query);
  if (!Start(id, BackendPtr(flight.attempts[attempt].backend))) return false;
  in_flight_.EndAttempt(id, attempt);
  return true;
}

// Who waited for what it was to tell.
std::vector<FlightId> QueryPath::TakeWaiting(const Flight& ended, const Backend& backend) {
  const dns::Name name = ended.query->NameCopy();
  const dns::Name zone = ZoneOf(name, ended.zone_labels);
  zone_questions_.EndDoubt(zone, backend, now());
  const bool tells = name == zone && ended.query->question.type == dns::Type::kSoa;
  return tells ? zone_questions_.EndSerial(zone, backend) : std::vector<FlightId>{};
}

// The answer was counted; `noted` says whether it was the last word.
void QueryPath::EndZoneQuestion(FlightId id, const BackendPtr& backend,
                                const ZoneHealth::Noted& noted, std::optional<BadKind> bad) {
  const Flight ended = in_flight_.Take(id);
  const auto waiting = TakeWaiting(ended, *backend);
  const dns::Name name = ended.query->NameCopy();
  const bool notice =
      !noticed_.empty() && EndNoticeQuestion(id, ZoneOf(name, ended.zone_labels), bad);
  if (noted.wish == ZoneHealth::Wish::kCertainty) AskMore(*ended.query, backend, noted, bad);
  const bool failed = bad && bad != BadKind::kOlder;
  EndSerialWaits(waiting, backend, failed ? SerialAnswer::kFailed : SerialAnswer::kTold);
  const bool of_zone = ended.zone_labels < name.CountLabels();  // that is known, of a name in it
  if (!notice && !of_zone && ended.query->question.type == dns::Type::kSoa) {
    EndLearning(*ended.query, backend, failed ? bad : std::nullopt);
  }
}

// A question that was to tell a name's zone, perhaps, has ended. Without its zone a name has no
// health, and its end is taken for a deletion: what was lost is asked for again.
void QueryPath::EndLearning(const Query& query, const BackendPtr& backend,
                            std::optional<BadKind> bad) {
  const dns::Name name = query.NameCopy();
  const bool known = env_.zones.ApexOf(name.wire()) + 1u >= name.CountLabels();
  if (known || !bad) return zone_questions_.EndLearning(name.wire());
  if (zone_questions_.MayLearnAgain(name.wire())) {
    zone_questions_.DoubtLater({name, backend, query.pool_name}, now());
  } else if (bad == BadKind::kTimeout) {
    zone_questions_.ForgetLearning(name.wire());
  }
}

bool QueryPath::TryBadZones() {
  if (!env_.zones.AnyBad()) return false;
  if (!config_->settings.zone_health.ask) return true;
  for (const ZoneHealth::Trial& trial :
       env_.zones.TakeTrials(ZoneQuestions::kTrialsAPause, now())) {
    TryBadZone(trial);
  }
  return true;
}

// One that is down has nothing to say, and what it says of a zone counts no more than that.
void QueryPath::TryBadZone(const ZoneHealth::Trial& trial) {
  for (const auto& [name, pool] : config_->pools) {
    if (ZonesFor(*pool) == nullptr) continue;
    const auto found = std::ranges::find_if(
        pool->servers, [&](const BackendPtr& one) { return one->number() == trial.backend; });
    if (found == pool->servers.end()) continue;
    if ((*found)->IsUp()) AskAboutZone({trial.zone, *found, name});
    return;
  }
}

void QueryPath::AskMore(const Query& query, const BackendPtr& backend,
                        const ZoneHealth::Noted& noted, std::optional<BadKind> bad) {
  if (noted.wish == ZoneHealth::Wish::kNone || !AsksOfZones(query)) return;
  const auto name = dns::Name::FromWire(ZoneNameOf(query));
  if (!name) return;
  if (noted.wish == ZoneHealth::Wish::kApex) {
    if (zone_questions_.MayLearn(name->wire(), now())) {
      AskAboutZone({*name, backend, query.pool_name});
    }
    return;
  }
  // Silence may be a brown-out, which questions must not feed.
  const bool may_ask = bad != BadKind::kTimeout || zone_questions_.MayDoubtSilence(now()) ||
                       retries_.TakeForTimeout();
  ZoneQuestion question{NameToDoubt(*name, noted.apex_labels), backend, query.pool_name};
  question.zone_labels = noted.apex_labels;
  if (!may_ask || !zone_questions_.Doubt(question, now())) {
    env_.zones.EndDoubt(name->wire(), backend->number(), now());
  }
}

// In the zone, and asked for by nobody before: the name that failed may fail by itself, and the
// server may have others in a cache of its own and tell them when it has no answer to anything else
// any more.
dns::Name QueryPath::NameToDoubt(const dns::Name& name, size_t zone_labels) {
  const dns::Name zone = ZoneOf(name, zone_labels);
  const std::string label = fmt::format("{:016x}", env_.random.U64());
  std::vector<uint8_t> wire{static_cast<uint8_t>(label.size())};
  wire.insert(wire.end(), label.begin(), label.end());
  wire.insert(wire.end(), zone.wire().begin(), zone.wire().end());
  return dns::Name::FromWire(wire).value_or(name);
}

// Whether questions of our own find out more about the zones of the query's pool.
bool QueryPath::AsksOfZones(const Query& query) {
  if (!config_->settings.zone_health.ask) return false;
  const Pool* pool = config_->FindPool(query.pool_name);
  return pool != nullptr && ZonesFor(*pool) != nullptr;
}

}  // namespace breakwater
