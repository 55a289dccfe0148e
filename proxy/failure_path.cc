// What happens when a backend gives no answer (MECHANISMS.md, 5).
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/query_path.h"
#include "proxy/verbose_lines.h"

namespace breakwater {
namespace {

// Of a worker's questions that others have answered, so many stay until their time is over.
constexpr size_t kMostOverdue = 256;
constexpr uint32_t kRetryStepMs = 50;  // few distinct time-outs: each has a queue of its own

// What says more of us than of the server is not held against it.
void NoteSilence(Backend& backend, FailureKind kind) {
  if (kind == FailureKind::kSend) return;
  const bool gone = kind == FailureKind::kRefusedPort || kind == FailureKind::kBackendDown;
  backend.health().NoteSilence(gone ? HealthState::Silence::kGone : HealthState::Silence::kOnce);
}

bool NeverTwice(const Query& query) {
  const dns::Opcode opcode = query.header().opcode();
  return opcode == dns::Opcode::kUpdate || opcode == dns::Opcode::kNotify;
}

}  // namespace

uint32_t QueryPath::TimeoutMs(const Backend& backend) const {
  const uint32_t own = backend.settings().udp_timeout_ms;
  return own != 0 ? own : config_->settings.udp_timeout_ms;
}

uint32_t QueryPath::RetryAfterMs(const Backend& backend) const {
  const uint32_t wait = RetryBudget::DelayMs(TimeoutMs(backend), backend.udp_latency_us());
  return (wait + kRetryStepMs - 1) / kRetryStepMs * kRetryStepMs;
}

bool QueryPath::Start(FlightId id, const BackendPtr& backend) {
  Flight& flight = *in_flight_.Find(id);
  const Query& query = *flight.query;
  const bool stream = query.NeedsStream() || flight.over_stream || backend->settings().tcp_only;
  Exchange* exchange =
      env_.exchange_for(backend, stream ? BackendTransport::kStream : BackendTransport::kDatagram);
  if (exchange == nullptr) return false;
  const uint32_t timeout_ms =
      stream ? backend->settings().tcp_connect_timeout_ms + backend->settings().tcp_recv_timeout_ms
             : TimeoutMs(*backend);
  const auto attempt = in_flight_.StartAttempt(id, {backend, *exchange, timeout_ms}, now());
  if (!attempt) return false;
  backend->counters().queries.Add();
  TellRelayed(query, *backend);
  if (stream) AwaitForWantOfOwn(id, flight);  // nothing reminds of those before they fail
  // What it waited with must not be taken for the slowness of this.
  if (std::exchange(flight.awaits, false)) {
    in_flight_.CallAfter(id, Reminder::kSlow, now(), timeout_ms);
  }
  // A first datagram that stays unanswered is sent to another server long before its own time
  // is over; both IDs stay valid and the first reply wins.
  const bool may_go_elsewhere = flight.purpose != FlightPurpose::kZoneQuestion;
  if (!stream && may_go_elsewhere && flight.attempt_count == 1 && !NeverTwice(query)) {
    in_flight_.CallAfter(id, Reminder::kSlow, now(), RetryAfterMs(*backend));
  }
  return true;
}

BackendPtr QueryPath::AnotherBackend(const Flight& flight, Reach reach) {
  const Pool* pool = config_->FindPool(flight.query->pool_name);
  if (pool == nullptr) return nullptr;
  PolicyContext context{.query = *flight.query, .now = now(), .random = env_.random};
  const PolicyPtr& policy = pool->policy ? pool->policy : config_->policy;
  if (flight.awaits && !pool->tiers.empty()) {
    // Another worker asks the first tier.
    std::array<Attempt, 1> elsewhere;
    elsewhere[0].backend = pool->tiers.front().front();
    return ChooseAnotherFor({*pool, *policy, context, ZonesFor(*pool), flight.refreshes}, elsewhere,
                            reach);
  }
  return ChooseAnotherFor({*pool, *policy, context, ZonesFor(*pool), flight.refreshes},
                          std::span(flight.attempts).first(flight.attempt_count), reach);
}

bool QueryPath::RetryElsewhere(FlightId id, Flight& flight, FailureKind kind, Reach reach) {
  if (flight.attempt_count >= kMaxAttempts || flight.parts > 0) return false;
  if (NeverTwice(*flight.query)) return false;
  BackendPtr other = AnotherBackend(flight, reach);
  if (other == nullptr) return false;
  // A refusal or a server marked down is news that costs it nothing; silence may be a brown-out,
  // which retries must not feed. A standby has no part in that.
  const bool feeds = kind == FailureKind::kTimeout && reach == Reach::kSameTier;
  const bool allowed = !feeds                     ? retries_.TakeForRefused(now())
                       : WasTrial(flight, *other) ? retries_.TakeForTrial(now())
                                                  : retries_.TakeForTimeout();
  if (!allowed) {
    env_.stats.counters.Add(Metric::kRetryBudgetExhausted);
    return false;
  }
  env_.stats.counters.Add(Metric::kRetries);
  other->counters().retries.Add();
  return Start(id, other);
}

bool QueryPath::WasTrial(const Flight& flight, const Backend& other) {
  if (flight.attempt_count == 0 || !env_.zones.AnyBad()) return false;
  const Backend& last = *flight.attempts[flight.attempt_count - 1u].backend;
  const auto name = ZoneNameOf(*flight.query);
  return env_.zones.IsBad(name, last.number()) && !env_.zones.IsBad(name, other.number());
}

void QueryPath::OnSlow(FlightId id) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr || flight->drill != nullptr) return;
  if (flight->awaits) return LookAgain(id, *flight);
  AwaitForWantOfOwn(id, *flight);
  (void)RetryElsewhere(id, *flight, FailureKind::kTimeout);
}

void QueryPath::OnFailure(FlightId id, uint8_t attempt, FailureKind kind) {
  Flight* flight = in_flight_.Find(id);
  if (flight == nullptr || attempt >= flight->attempt_count) return;
  const BackendPtr backend = flight->attempts[attempt].backend;
  if (!in_flight_.EndAttempt(id, attempt)) return;
  if (flight->drill != nullptr) return OnDrillSilence(id, *flight, kind);
  if (kind == FailureKind::kTimeout) {
    env_.stats.counters.Add(Metric::kDownstreamTimeouts);
    backend->counters().timeouts.Add();
    TellTimeout(*flight->query, *backend);
  }
  backend->health().AddSample(HealthState::Sample::kFailed);
  NoteSilence(*backend, kind);
  const ZoneHealth::Noted noted = NoteTimeout(*flight, *backend, kind);
  if (flight->purpose == FlightPurpose::kZoneQuestion) {
    return EndZoneQuestion(id, backend, noted, BadKind::kTimeout);
  }
  AskMore(*flight->query, backend, noted, BadKind::kTimeout);
  flight = in_flight_.Find(id);  // as in OnReply()
  if (flight == nullptr) return;
  if (flight->purpose == FlightPurpose::kOverdue) return EndIfOverdue(id);
  if (kind != FailureKind::kTimeout && RetryElsewhere(id, *flight, kind)) return;
  if (flight->HasOpenAttempt()) return;
  const bool late = kind == FailureKind::kTimeout;
  GiveUp(id, *flight, late ? DropReason::kTimeout : DropReason::kBackend);
}

// Else nobody would count it: a server that answers nothing but its health check would stay good
// for every zone, and its queries use up the retries of all.
Flight QueryPath::TakeAnswered(FlightId id, uint8_t attempt) {
  if (attempt == 0) return TakeFlight(id);
  const Flight& flight = *in_flight_.Find(id);
  const auto before = std::span(flight.attempts).first(attempt);
  const bool silent =
      std::ranges::any_of(before, [](const Attempt& one) { return one.exchange != nullptr; });
  if (!silent || in_flight_.overdue() >= kMostOverdue) return TakeFlight(id);
  joined_.Remove(flight);
  return in_flight_.TakeButOverdue(id, attempt, CopyWithoutClient(*flight.query, env_.queries));
}

void QueryPath::EndIfOverdue(FlightId id) {
  const Flight* flight = in_flight_.Find(id);
  if (flight != nullptr && !flight->HasOpenAttempt()) (void)in_flight_.Take(id);
}

// What says more of us than of the server is not held against it.
ZoneHealth::Noted QueryPath::NoteTimeout(const Flight& flight, const Backend& backend,
                                         FailureKind kind) {
  if (kind == FailureKind::kSend || !TellsOfZones(*flight.query)) return {};
  return NoteForZone({.name = ZoneNameOf(*flight.query),
                      .backend = backend.number(),
                      .bad = BadKind::kTimeout,
                      .now = now(),
                      .word = WordOf(flight)});
}

// Nobody is left to ask: rules may look, then the client gets nothing, as with dnsdist.
void QueryPath::GiveUp(FlightId id, Flight& flight, DropReason reason) {
  if (flight.parts > 0) return BreakOff(id);
  if (EndIfAhead(id, flight)) return;
  const FailureKind kind =
      reason == DropReason::kTimeout ? FailureKind::kTimeout : FailureKind::kConnection;
  if (AskStandby(id, flight, {kind, BadKind::kTimeout})) return;
  if (flight.bad != nullptr) return DeliverBad(id, flight);
  const Address last = flight.attempt_count == 0
                           ? Address()
                           : flight.attempts[flight.attempt_count - 1u].backend->address();
  Flight ended = TakeFlight(id);
  ended.refresh.reset();  // who asks again need not wait for it
  EndUnanswered(std::move(ended.query), last, reason);
  for (QueryPtr& waiter : ended.waiters) {
    // Who came late may yet be answered, once: its own time runs from when it came.
    const MonoTime end = waiter->arrived + MonoTime::FromMs(config_->settings.udp_timeout_ms);
    if (reason == DropReason::kTimeout && end > now() && !waiter->asked_again) {
      waiter->asked_again = true;
      AskAgain(std::move(waiter), ended);
    } else {
      EndUnanswered(std::move(waiter), last, reason);
    }
  }
}

void QueryPath::EndUnanswered(QueryPtr query, const Address& last, DropReason reason) {
  if (query->target == nullptr) return;
  env_.rings.AddTimeout(ring_cursor_, RingRecordOf(*query, now()), last);
  const auto& chain = config_->chains.Of(ResponseChainKind::kTimeout);
  const bool alive = query->target != nullptr && query->target->Alive(*query);
  if (!chain.empty() && alive) {
    // The rules see a bare header (meaning-rules.md, section 2).
    query->size = dns::kHeaderSize;
    dns::Header header = query->header();
    header.set_id(query->client_id);
    header.set_flags(static_cast<uint16_t>((query->client_flags & (dns::kFlagRd | dns::kFlagCd)) |
                                           dns::kFlagQr));
    for (const auto section : {dns::Section::kQuestion, dns::Section::kAnswer,
                               dns::Section::kAuthority, dns::Section::kAdditional}) {
      header.set_count(section, 0);
    }
    query->is_response = query->question_left_out = true;
    RuleContext context = Rules();
    (void)RunChain(chain, *query, context);
    if (query->suspended != 0) return ParkTimeout(std::move(query), reason);
    if (query->restart_asked) return Restart(std::move(query));
  }
  Drop(std::move(query), reason);
}

}  // namespace breakwater
