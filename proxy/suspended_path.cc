// What becomes of queries and answers that a script suspended (query/suspended.h), once it has them
// go on, or did not take them in time.
#include <utility>

#include "proxy/query/self_answer.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

// Of an answer that a script may have put in its place: RD and CD are the client's.
void RestoreFlags(Query& answer) {
  constexpr uint16_t kOfClient = dns::kFlagRd | dns::kFlagCd;
  dns::Header header = answer.header();
  header.set_flags(
      static_cast<uint16_t>((header.flags() & ~kOfClient) | (answer.client_flags & kOfClient)));
}

}  // namespace

SuspendedQueries::Setup QueryPath::SuspendSetup() {
  return {.now = env_.now,
          .timers = env_.timers,
          .counters = env_.stats.counters,
          .packets = env_.queries.packets(),
          .post = env_.post,
          .on_resume = [this](QueryPtr query,
                              const SuspendedQueries::GoOn& then) { GoOn(std::move(query), then); },
          .on_drop =
              [this](QueryPtr query, DropReason reason) {
                if (reason == DropReason::kRule) env_.stats.counters.Add(Metric::kRuleDrop);
                Drop(std::move(query), reason);
              }};
}

void QueryPath::GoOn(QueryPtr query, const SuspendedQueries::GoOn& then) {
  if (!query->target->Alive(*query)) return Drop(std::move(query), DropReason::kRule);
  if (query->restart_asked) return Restart(std::move(query));
  const bool asks = !query->is_response && !query->header().Has(dns::kFlagQr);
  if (!asks) return then(std::move(query));
  if (query->last_good_hit) ForgetStaleAnswer(*query);
  if (query->header().opcode() == dns::Opcode::kNotify) {
    FlushOnNotify(*query, Verdict::kContinue);
  }
  // An answer from the cache is written over the query: it needs the room.
  const Pool* const pool = config_->FindPool(query->pool_name);
  if (pool != nullptr && pool->cache != nullptr) {
    query->Reserve(env_.queries.packets(), pool->cache->settings().maximum_entry_size);
  }
  BeginAgain(std::move(query));
}

// The rules behind the one that suspended it are passed over.
void QueryPath::ParkAfterRules(QueryPtr query) {
  suspended_.Park(std::move(query), [this](QueryPtr answer) {
    if (!answer->self_answered) FinishTurnedAnswer(*answer, SelfAnswers());
    CountRuleAnswer(*answer);
    if (answer->header().opcode() == dns::Opcode::kNotify) {
      FlushOnNotify(*answer, Verdict::kAnswer);
    }
    FinishSelfAnswer(std::move(answer));
  });
}

void QueryPath::ParkAnswer(QueryPtr query) {
  if (query == nullptr) return;
  suspended_.Park(std::move(query), [this](QueryPtr answer) {
    RestoreFlags(*answer);
    Finish(std::move(answer));
  });
}

void QueryPath::ParkReply(Flight& ended, const Reply& reply) {
  ended.refresh.reset();  // who waits elsewhere for what it brings asks by itself
  // What storing it needs. A continuation must be copyable.
  auto held = std::make_shared<Flight>();
  held->asked = ended.asked;
  held->cache = ended.cache;
  held->key = ended.key;
  held->asked_epoch = ended.asked_epoch;
  held->has_scope_zero_key = ended.has_scope_zero_key;
  held->scope_zero_key = ended.scope_zero_key;
  suspended_.Park(std::move(ended.query),
                  [this, held, facts = reply.facts, backend = reply.backend](QueryPtr answer) {
                    RestoreFlags(*answer);
                    held->query = std::move(answer);
                    StoreAndFinish(*held, facts, backend);
                  });
}

// Nothing but a restart, or an answer that the script has, changes that time is up.
void QueryPath::ParkTimeout(QueryPtr query, DropReason reason) {
  suspended_.Park(std::move(query), [this, reason](QueryPtr late) {
    if (!late->self_answered) return Drop(std::move(late), reason);
    CountRuleAnswer(*late);
    FinishSelfAnswer(std::move(late));
  });
}

}  // namespace breakwater
