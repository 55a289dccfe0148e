// What a NOTIFY does to the caches that were made with flushOnNotify (cache/notify_flush.h). The
// message itself goes the way of every query.
#include <algorithm>
#include <memory>
#include <vector>

#include "proxy/base/left_out.h"
#include "proxy/cache/notify_flush.h"
#include "proxy/query_path.h"

namespace breakwater {
namespace {

// Rules may answer for a server that wants none of it; one that they refuse is refused.
bool RulesLetItPass(const Query& query, Verdict verdict) {
  return verdict == Verdict::kContinue ||
         (verdict == Verdict::kAnswer && query.header().rcode() == dns::RCode::kNoError &&
          !query.header().Has(dns::kFlagTc));
}

// All NOTIFY messages together have one share of the flushes that a cache remembers.
constexpr std::string_view kCaller = "NOTIFY";

void FlushZone(PacketCache& cache, const dns::Name& zone) {
  (void)cache.Flush({.name = zone, .suffix = true}, kCaller);
}

}  // namespace

// `zone` is the root where the message is about none.
NotifyFlush::Decision QueryPath::DecideOnNotify(const Query& query, const PacketCache& cache,
                                                const dns::Name& zone) {
  using Outcome = NotifyFlush::Outcome;
  NotifyFlush& rule = *cache.settings().flush_on_notify;
  const size_t labels = zone.CountLabels();
  if (rule.from().Matches(query.client) && labels >= NotifyFlush::kLeastLabels) {
    const bool known = env_.zones.ApexOf(zone.wire()) == labels;
    if (rule.zones() == NotifyFlush::Zones::kKnown && !known) return {Outcome::kUnknown};
    if (cache.ShareOf(kCaller).IsUsedUp()) {
      env_.stats.counters.Add(Metric::kFlushShareRefused);
      return {Outcome::kRefused};
    }
  }
  return rule.Decide(query.client, zone, now());
}

void QueryPath::FlushOnNotify(const Query& query, Verdict verdict) {
  using Outcome = NotifyFlush::Outcome;
  if (!RulesLetItPass(query, verdict)) return;
  const bool about_a_zone =
      query.question.type == dns::Type::kSoa && query.question.cls == dns::Class::kIn;
  const dns::Name zone = query.NameCopy();
  std::vector<std::shared_ptr<PacketCache>> done;
  std::optional<Outcome> outcome;
  for (const auto& [name, pool] : config_->pools) {
    const auto& cache = pool->cache;
    if (cache == nullptr || cache->settings().flush_on_notify == nullptr) continue;
    if (std::find(done.begin(), done.end(), cache) != done.end()) continue;
    done.push_back(cache);
    const auto decision = DecideOnNotify(query, *cache, about_a_zone ? zone : dns::Name());
    if (decision.outcome == Outcome::kNow) {
      FlushZone(*cache, zone);
      env_.zones.ExpectNewSerial(query.name(), now());
    }
    if (decision.outcome == Outcome::kLater) {
      env_.timers.Add(decision.when, [weak = std::weak_ptr(cache), zone] {
        if (const auto held = weak.lock()) FlushZone(*held, zone);
      });
    }
    // Of several caches the one that did most counts.
    outcome = std::min(outcome.value_or(decision.outcome), decision.outcome);
  }
  if (!outcome) return;
  switch (*outcome) {
    case Outcome::kNow:
    case Outcome::kLater:
      env_.stats.counters.Add(Metric::kNotifyFlushes);
      return NoteNotify(query, "flushed");
    case Outcome::kCovered:
      return;
    case Outcome::kNotAllowed:
      env_.stats.counters.Add(Metric::kNotifyNotAllowed);
      return NoteNotify(query, "not flushed: flushOnNotify does not list the sender");
    case Outcome::kRefused:
      env_.stats.counters.Add(Metric::kNotifyRefused);
      return NoteNotify(
          query, "not flushed: it is about no zone of two labels or more, or there are too many");
    case Outcome::kUnknown:
      env_.stats.counters.Add(Metric::kNotifyUnknownZone);
      return NoteNotify(query, "not flushed: no server was seen to answer for this zone");
  }
}

void QueryPath::NoteNotify(const Query& query, std::string_view what) {
  uint64_t suppressed = 0;
  if (!notify_notes_.Allow(now(), &suppressed)) return;
  LogInfo("cache", "NOTIFY for {} from {}: {}{}", query.NameCopy().ToString(),
          query.client.ToStringWithPort(), what, LeftOut(suppressed));
}

}  // namespace breakwater
