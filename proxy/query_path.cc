#include "proxy/query_path.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/dns/rewrite.h"
#include "proxy/query/client_subnet_edit.h"
#include "proxy/query/self_answer.h"
#include "proxy/query/transport_options.h"

namespace breakwater {
namespace {

// While one query proceeds, the entry of the next and the index of the one after it come.
constexpr size_t kBegunAhead = 2;

SelfAnswerStyle SelfAnswerStyleOf(const Settings& settings) {
  return {.add_edns = settings.add_edns_to_self_generated,
          .udp_size = settings.payload_size_on_self_generated};
}

// For a message whose question cannot be read: twelve bytes, nothing else.
void AnswerBareHeader(Query& query, dns::RCode rcode) {
  query.size = dns::kHeaderSize;
  dns::Header header = query.header();
  constexpr uint16_t kKept = dns::kOpcodeMask | dns::kFlagRd | dns::kFlagCd;
  header.set_flags(static_cast<uint16_t>((header.flags() & kKept) | dns::kFlagQr));
  header.set_rcode(rcode);
  for (const auto section : {dns::Section::kQuestion, dns::Section::kAnswer,
                             dns::Section::kAuthority, dns::Section::kAdditional}) {
    header.set_count(section, 0);
  }
}

// Zones do not travel over HTTPS, nor do NOTIFY and UPDATE: those are between nameservers.
bool BelongsOnHttps(const Query& query) {
  const dns::Opcode opcode = query.header().opcode();
  return !query.IsTransfer() && opcode != dns::Opcode::kNotify && opcode != dns::Opcode::kUpdate;
}

}  // namespace

QueryPath::QueryPath(PathEnvironment environment, ConfigPtr config)
    : env_(std::move(environment)),
      config_(std::move(config)),
      in_flight_(*this, env_.timers),
      joined_(in_flight_),
      zone_questions_(env_.timers, [this](const ZoneQuestion& about) { AskAboutZone(about); }),
      delayed_(env_.timers, env_.stats.counters),
      suspended_(SuspendSetup(), config_->settings.suspended),
      retries_(config_->settings.retry_budget_share),
      find_pool_([this](std::string_view name) { return config_->FindPool(name); }) {
  suspended_.UseStyle(SelfAnswerStyleOf(config_->settings));
}

QueryPath::~QueryPath() {
  DropAll();
}

void QueryPath::UseConfig(ConfigPtr config) {
  config_ = std::move(config);
  retries_.set_share(config_->settings.retry_budget_share);
  suspended_.UseStyle(SelfAnswerStyleOf(config_->settings));
}

size_t QueryPath::Waiting() const {
  return in_flight_.size() - in_flight_.overdue() + delayed_.size();
}

SelfAnswerContext QueryPath::SelfAnswers() {
  return {.packets = env_.queries.packets(),
          .add_edns = config_->settings.add_edns_to_self_generated,
          .udp_size = config_->settings.payload_size_on_self_generated};
}

RuleContext QueryPath::Rules(const BackendPtr* backend) {
  return RuleContext{.now = now(),
                     .random = env_.random,
                     .counters = env_.stats.counters,
                     .packets = env_.queries.packets(),
                     .find_pool = find_pool_,
                     .edns_on_self_answers = config_->settings.add_edns_to_self_generated,
                     .self_answer_udp_size = config_->settings.payload_size_on_self_generated,
                     .backend = backend,
                     .suspender = &suspended_,
                     .client_subnet = ClientSubnets(),
                     .neighbours = config_->settings.neighbours.get()};
}

struct QueryPath::Step {
  Verdict verdict{};
  std::optional<Route> route;  // set where the verdict is kContinue
};

void QueryPath::OnQueries(std::span<QueryPtr> queries) {
  const MonoTime when = now();
  drill_runs_ = env_.drills.running();
  std::array<Step, kBegunAhead + 1> steps;
  const auto step = [&](size_t i) -> Step& { return steps[i % steps.size()]; };
  for (size_t i = 0; i < queries.size() + kBegunAhead; ++i) {
    if (i < queries.size()) {
      Begin(*queries[i], when, step(i));
      if (i > 0) FetchEntry(step(i - 1));
    }
    if (i < kBegunAhead) continue;
    Step& begun = step(i - kBegunAhead);
    QueryPtr query = std::move(queries[i - kBegunAhead]);
    if (begun.verdict == Verdict::kContinue) {
      Proceed(std::move(query), *begun.route);
    } else {
      Conclude(std::move(query), begun.verdict);
    }
  }
}

void QueryPath::Begin(Query& query, MonoTime when, Step& step) {
  env_.stats.counters.Add(Metric::kQueries);
  step.route.reset();
  step.verdict = CheckAcceptable(query);
  if (step.verdict == Verdict::kContinue) step.verdict = ParseQuestion(query);
  if (step.verdict != Verdict::kContinue) return;
  step.verdict = RunQueryRules(query, when);
  if (query.header().opcode() == dns::Opcode::kNotify) FlushOnNotify(query, step.verdict);
  if (step.verdict != Verdict::kContinue) return;
  step.route.emplace(PolicyContext{.query = query, .now = when, .random = env_.random});
  step.verdict = Prepare(query, *step.route);
}

Verdict QueryPath::Prepare(Query& query, Route& route) {
  Verdict verdict = ChoosePool(query, route);
  if (verdict == Verdict::kContinue) verdict = DecideClientSubnet(query, route);
  if (verdict == Verdict::kContinue) MakeKey(query, route);
  return verdict;
}

// What the look-up will read behind the index; the index has come meanwhile.
void QueryPath::FetchEntry(const Step& step) {
  if (step.verdict != Verdict::kContinue || step.route->cache == nullptr) return;
  step.route->cache->FetchEntry(*step.route->key);
}

void QueryPath::Proceed(QueryPtr query, Route& route) {
  Verdict verdict = LookUpCache(*query, route);
  if (verdict == Verdict::kContinue) verdict = RunCacheMissRules(*query, route);
  if (verdict != Verdict::kContinue) return Conclude(std::move(query), verdict);
  GoToBackend(std::move(query), route);
}

void QueryPath::Conclude(QueryPtr query, Verdict verdict) {
  switch (verdict) {
    case Verdict::kAnswer:
      return FinishSelfAnswer(std::move(query));
    case Verdict::kHit:
      return FinishHit(std::move(query));
    case Verdict::kDrop:
      return Drop(std::move(query), DropReason::kRule);
    case Verdict::kInvalid:
      return Drop(std::move(query), DropReason::kInvalid);
    case Verdict::kNoServer:
      return Drop(std::move(query), DropReason::kNoServer);
    case Verdict::kWait:
      return ParkAfterRules(std::move(query));
    case Verdict::kContinue:
      return;
  }
}

// Headers that no server should see: answers were dropped by the listener already.
Verdict QueryPath::CheckAcceptable(Query& query) {
  const dns::Header header = query.header();
  query.client_id = header.id();
  query.client_flags = header.flags();
  if (header.Has(dns::kFlagRd)) env_.stats.counters.Add(Metric::kRdQueries);
  const uint16_t questions = header.count(dns::Section::kQuestion);
  if (questions == 1) return Verdict::kContinue;
  if (questions == 0) {
    env_.stats.counters.Add(Metric::kEmptyQueries);
    if (config_->settings.drop_empty_queries) return Verdict::kInvalid;
    AnswerBareHeader(query, dns::RCode::kNotImp);
    return Verdict::kAnswer;
  }
  // RFC 9619: more than one question is a format error.
  env_.stats.counters.Add(Metric::kNoncompliantQueries);
  query.frontend->noncompliant_queries.Add();
  AnswerBareHeader(query, dns::RCode::kFormErr);
  return Verdict::kAnswer;
}

Verdict QueryPath::ParseQuestion(Query& query) {
  const auto question = dns::ParseQuestion(query.message());
  if (!question) {
    env_.stats.counters.Add(Metric::kNoncompliantQueries);
    query.frontend->noncompliant_queries.Add();
    return Verdict::kInvalid;
  }
  query.question = *question;
  const auto edns = dns::FindEdns(query.message(), question->end());
  if (!edns) {
    // A second OPT, or counts that the message does not hold: what rules see must be what a
    // backend would see, so it goes no further (RFC 6891, 6.1.1).
    env_.stats.counters.Add(Metric::kNoncompliantQueries);
    query.frontend->noncompliant_queries.Add();
    AnswerError(query, dns::RCode::kFormErr);
    return Verdict::kAnswer;
  }
  query.edns = *edns;
  query.client_has_edns = edns->present;
  query.client_udp_size = edns->udp_size;
  query.client_dnssec_ok = edns->dnssec_ok;
  if (query.tcp() && edns->options_length > 0) NoteTransportOptions(query);
  env_.rings.AddQuery(ring_cursor_, RingRecordOf(query, query.arrived));
  if (query.protocol == Protocol::kDoh && !BelongsOnHttps(query)) {
    AnswerError(query, dns::RCode::kNotImp);
    return Verdict::kAnswer;
  }
  return Verdict::kContinue;
}

RingRecord QueryPath::RingRecordOf(const Query& query, MonoTime when) const {
  return {.now = when,
          .client = query.client,
          .protocol = query.protocol,
          .message = query.message(),
          .name = query.name(),
          .type = query.question.type};
}

Verdict QueryPath::FlowToVerdict(Flow flow, Query& query) {
  switch (flow) {
    case Flow::kContinue:
    case Flow::kStop:
      if (!query.header().Has(dns::kFlagQr)) return Verdict::kContinue;
      // ContinueAction around an action that answers: the rules after it ran, and that is all.
      if (!query.self_answered) FinishTurnedAnswer(query, SelfAnswers());
      CountRuleAnswer(query);
      return Verdict::kAnswer;
    case Flow::kAnswer:
      CountRuleAnswer(query);
      return Verdict::kAnswer;
    case Flow::kDrop:
      env_.stats.counters.Add(Metric::kRuleDrop);
      return Verdict::kDrop;
    case Flow::kSuspended:
      return Verdict::kWait;
  }
  return Verdict::kDrop;
}

// The block of the client first, then that of the name; a step of its own in Begin would cost
// every query, and here it costs a load where there are none.
QueryPath::Blocked QueryPath::CheckDynamicBlocks(Query& query, MonoTime when) {
  const DynBlockSnapshot* const blocks = dyn_blocks_.Get(*config_->dyn_blocks);
  if (blocks == nullptr) return Blocked::kNo;
  const DynBlock* block = blocks->FindClient(query.client, when);
  if (block != nullptr) {
    const Blocked blocked = ApplyBlock(query, *block);
    if (blocked != Blocked::kNo) return blocked;
  }
  block = blocks->FindName(query.name(), when);
  return block == nullptr ? Blocked::kNo : ApplyBlock(query, *block);
}

QueryPath::Blocked QueryPath::ApplyBlock(Query& query, const DynBlock& block) {
  const DynBlockAction action = block.ActionOr(config_->settings.dyn_blocks.action);
  if (action == DynBlockAction::kNoOp) return Blocked::kNo;
  if (action == DynBlockAction::kTruncate && query.tcp()) return Blocked::kNo;
  block.hits->Add();
  env_.stats.counters.Add(Metric::kDynBlocked);
  switch (action) {
    case DynBlockAction::kNxdomain:
      AnswerError(query, dns::RCode::kNxDomain);
      return Blocked::kAnswered;
    case DynBlockAction::kRefused:
      AnswerError(query, dns::RCode::kRefused);
      return Blocked::kAnswered;
    case DynBlockAction::kTruncate:
      (void)MakeTruncatedAnswer(query, SelfAnswers());
      return Blocked::kAnswered;
    case DynBlockAction::kNoRecurse:
      query.header().Set(dns::kFlagRd, false);
      return Blocked::kPastRules;
    case DynBlockAction::kSetTag:
      query.SetTag(block.cause->tag_name, block.cause->tag_value);
      return Blocked::kNo;
    default:
      return Blocked::kDropped;
  }
}

Verdict QueryPath::RunQueryRules(Query& query, MonoTime when) {
  if (config_->settings.query_count.enabled) {
    RuleContext context = Rules();
    CountQuery(config_->settings.query_count, query, context);
  }
  switch (CheckDynamicBlocks(query, when)) {
    case Blocked::kNo:
      break;
    case Blocked::kDropped:
      return Verdict::kDrop;
    case Blocked::kAnswered:
      return Verdict::kAnswer;
    case Blocked::kPastRules:
      return Verdict::kContinue;
  }
  if (config_->chains.query.empty()) return Verdict::kContinue;
  RuleContext context = Rules();
  return FlowToVerdict(RunChain(config_->chains.query, query, context), query);
}

void QueryPath::CountRuleAnswer(const Query& query) {
  const dns::Header header = query.header();
  if (header.Has(dns::kFlagTc)) return env_.stats.counters.Add(Metric::kRuleTruncated);
  switch (header.rcode()) {
    case dns::RCode::kNxDomain:
      return env_.stats.counters.Add(Metric::kRuleNxdomain);
    case dns::RCode::kRefused:
      return env_.stats.counters.Add(Metric::kRuleRefused);
    case dns::RCode::kServFail:
      return env_.stats.counters.Add(Metric::kRuleServfail);
    default:
      return;
  }
}

Verdict QueryPath::ChoosePool(Query& query, Route& route) {
  route.pool = config_->FindPool(query.pool_name);
  // A rule named a pool nobody made: there is no policy to ask, so the query is dropped as counted.
  if (route.pool == nullptr) env_.stats.counters.Add(Metric::kNoPolicy);
  return route.pool == nullptr ? Verdict::kNoServer : Verdict::kContinue;
}

Verdict QueryPath::DecideClientSubnet(Query& query, Route& route) {
  const bool cacheable = !query.skip_cache && route.pool->cache != nullptr;
  if (cacheable) route.cache = route.pool->cache.get();
  // What is added to a transfer would come back to the client: nothing is taken out of those.
  const bool add = query.use_ecs && route.pool->UsesClientSubnet() && !query.IsTransfer();
  if (cacheable && add && route.pool->ZeroScope() && route.cache->settings().key.parse_ecs) {
    const bool had =
        dns::FindOption(query.message(), query.edns, dns::OptionCode::kClientSubnet).has_value();
    if (!had) {
      route.scope_zero_key = MakeCacheKey({query.message(), query.question, query.edns},
                                          route.cache->settings().key, KeySubnet::kLeftOut);
    }
  }
  if (add) AddSubnet(query);
  return Verdict::kContinue;
}

bool QueryPath::LookUp(Query& query, Route& route, LastGoodUse use) {
  CacheLookup how{.now = route.policy.now,
                  .last_good = use,
                  .datagram = IsDatagram(query.protocol),
                  .no_server = route.no_server};
  if (config_->settings.stale_cache_entries_ttl_s > 0 && !route.pool->AnyUp()) {
    how.allow_expired_s = config_->settings.stale_cache_entries_ttl_s;
  }
  return (route.scope_zero_key && LookUp(query, route, *route.scope_zero_key, how)) ||
         LookUp(query, route, *route.key, how);
}

bool QueryPath::LookUp(Query& query, Route& route, const CacheKey& key, const CacheLookup& how) {
  const std::span<uint8_t> room(query.data, query.capacity);
  CacheHit hit = route.cache->Lookup(key, room, query.question.name_length, how);
  if (hit.ends_soon) {
    RefreshAhead(query, route);
    hit = route.cache->Lookup(key, room, query.question.name_length, how);
  }
  route.due |= hit.due;
  if (hit.result == CacheResult::kMiss) return false;
  query.stale_hit = hit.result == CacheResult::kStale;
  query.last_good_hit = hit.result == CacheResult::kLastGood;
  query.size = hit.size;
  if (hit.foreign_opt) {
    dns::EditBuffer buffer = query.edit();
    (void)dns::RemoveOpt(buffer, query.question.end());
    query.Take(buffer);
  }
  return true;
}

void QueryPath::MakeKey(Query& query, Route& route) {
  if (route.cache == nullptr) return;
  const KeySource source{query.message(), query.question, query.edns};
  if (FillCacheKey(source, route.cache->settings().key, KeySubnet::kAsOptionsSay,
                   route.key.emplace())) {
    route.cache->FetchIndex(*route.key);
  } else {
    route.key.reset();
    route.cache = nullptr;
  }
}

Verdict QueryPath::LookUpCache(Query& query, Route& route) {
  if (route.cache == nullptr) return Verdict::kContinue;
  if (LookUp(query, route, LastGoodUse::kWhereHeld)) {
    env_.stats.counters.Add(Metric::kCacheHits);
    return Verdict::kHit;
  }
  env_.stats.counters.Add(Metric::kCacheMisses);
  return Verdict::kContinue;
}

Verdict QueryPath::RunCacheMissRules(Query& query, Route& route) {
  if (route.cache == nullptr || config_->chains.cache_miss.empty()) return Verdict::kContinue;
  RuleContext context = Rules();
  context.suspender = nullptr;
  const Verdict verdict =
      FlowToVerdict(RunChain(config_->chains.cache_miss, query, context), query);
  if (verdict != Verdict::kContinue || route.pool->name == query.pool_name) return verdict;
  // Another pool now: its servers and its cache, under the key of the first look-up.
  route.due = false;
  const Verdict chosen = ChoosePool(query, route);
  if (chosen == Verdict::kContinue) route.cache = route.pool->cache.get();
  return chosen;
}

ClientSubnetDefaults QueryPath::ClientSubnets() const {
  const Settings& settings = config_->settings;
  return {.overriding = settings.ecs_override,
          .prefix_v4 = settings.ecs_prefix_v4,
          .prefix_v6 = settings.ecs_prefix_v6};
}

void QueryPath::AddSubnet(Query& query) {
  AddClientSubnet(query, env_.queries.packets(), ClientSubnets());
}

void QueryPath::AnswerError(Query& query, dns::RCode rcode) {
  (void)MakeAnswer(query, SelfAnswers(), {.rcode = static_cast<uint16_t>(rcode), .flags = {}});
}

}  // namespace breakwater
