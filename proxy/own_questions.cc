// Questions that no client waits for: entries about to end, and how zones are.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/dns/message_builder.h"
#include "proxy/query_path.h"

namespace breakwater {

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
  if (zones_count && env_.zones.IsBad(own->name(), way.backend->number())) return;
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
  std::array<uint8_t, dns::kHeaderSize + dns::kMaxNameLength + 4> room;
  dns::MessageBuilder builder(room, 0, 0);
  builder.AddQuestion(question.name, question.type, dns::Class::kIn);
  const auto size = builder.Finish();
  if (!size) return std::nullopt;
  QueryPtr query = env_.queries.Get();
  query->ReplaceMessage(env_.queries.packets(), std::span(room).first(*size));
  query->question = *dns::ParseQuestion(query->message());
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

// Who waited for what it was to tell.
std::vector<FlightId> QueryPath::TakeWaiting(const Flight& ended, const Backend& backend) {
  const dns::Name name = ended.query->NameCopy();
  const dns::Name zone = ZoneOf(name, ended.zone_labels);
  zone_questions_.EndDoubt(zone, backend);
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
    zone_questions_.Doubt({name, backend, query.pool_name}, now());
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
  if (noted.wish == ZoneHealth::Wish::kNone || !config_->settings.zone_health.ask) return;
  const Pool* pool = config_->FindPool(query.pool_name);
  if (pool == nullptr || ZonesFor(*pool) == nullptr) return;
  const bool learns = noted.wish == ZoneHealth::Wish::kApex;
  if (learns && !zone_questions_.MayLearn(query.name(), now())) return;
  // Silence may be a brown-out, which questions must not feed.
  if (bad == BadKind::kTimeout && !retries_.TakeForTimeout()) return;
  ZoneQuestion question{query.NameCopy(), backend, query.pool_name};
  if (learns) {
    AskAboutZone(question);
    return;
  }
  question.zone_labels = noted.apex_labels;
  // The server may have the apex's SOA record in a cache of its own, more for our questions than
  // for others, and tell it when it has no answer to anything else any more. Not where that failed.
  const bool apex = question.name.CountLabels() == noted.apex_labels;
  if (apex && query.question.type != dns::Type::kSoa) question.type = dns::Type::kNs;
  zone_questions_.Doubt(std::move(question), now());
}

}  // namespace breakwater
