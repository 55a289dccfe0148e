// What a NOTIFY does to the caches that were made with flushOnNotify (cache/notify_flush.h). The
// message itself goes the way of every query.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "proxy/base/left_out.h"
#include "proxy/cache/flush_number.h"
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

FlushId FlushZone(PacketCache& cache, const dns::Name& zone) {
  return cache.Flush({.name = zone, .suffix = true}, kCaller);
}

}  // namespace

// What it did, of all caches together.
struct QueryPath::NotifyEffect {
  std::optional<NotifyFlush::Outcome> outcome;  // none: no cache cares
  std::vector<FlushId> ids{};
  std::string unknown_in{};  // a pool, where the zone is not known
};

NotifyFlush::Decision QueryPath::DecideOnNotify(const Notice& notice, const PacketCache& cache) {
  using Outcome = NotifyFlush::Outcome;
  NotifyFlush& rule = *cache.settings().flush_on_notify;
  const size_t labels = notice.zone.CountLabels();
  if (rule.from().Matches(notice.from) && labels >= NotifyFlush::kLeastLabels) {
    const bool known = env_.zones.ApexOf(notice.zone.wire()) == labels;
    if (rule.zones() == NotifyFlush::Zones::kKnown && !known) return {Outcome::kUnknown};
    if (cache.ShareOf(kCaller).IsUsedUp()) {
      env_.stats.counters.Add(Metric::kFlushShareRefused);
      return {Outcome::kRefused};
    }
  }
  return rule.Decide(notice.from, notice.zone, now());
}

QueryPath::NotifyEffect QueryPath::FlushCachesFor(const Notice& notice) {
  using Outcome = NotifyFlush::Outcome;
  std::vector<std::shared_ptr<PacketCache>> done;
  NotifyEffect effect;
  for (const auto& [name, pool] : config_->pools) {
    const auto& cache = pool->cache;
    if (cache == nullptr || cache->settings().flush_on_notify == nullptr) continue;
    if (std::find(done.begin(), done.end(), cache) != done.end()) continue;
    done.push_back(cache);
    const auto decision = DecideOnNotify(notice, *cache);
    if (decision.outcome == Outcome::kNow) {
      effect.ids.push_back(FlushZone(*cache, notice.zone));
      env_.zones.ExpectNewSerial(notice.zone.wire(), now());
    }
    if (decision.outcome == Outcome::kLater) {
      env_.timers.Add(decision.when, [this, weak = std::weak_ptr(cache), notice] {
        const auto held = weak.lock();
        if (held == nullptr) return;
        NoteNotify(notice, fmt::format("flushed when a second was over, as flush {}",
                                       FlushZone(*held, notice.zone)));
      });
    }
    if (decision.outcome == Outcome::kUnknown) effect.unknown_in = name;
    // Of several caches the one that did most counts.
    effect.outcome = std::min(effect.outcome.value_or(decision.outcome), decision.outcome);
  }
  return effect;
}

void QueryPath::FlushOnNotify(const Query& query, Verdict verdict) {
  if (!RulesLetItPass(query, verdict)) return;
  const bool about_a_zone =
      query.question.type == dns::Type::kSoa && query.question.cls == dns::Class::kIn;
  const Notice notice{query.client, about_a_zone ? query.NameCopy() : dns::Name()};
  const NotifyEffect effect = FlushCachesFor(notice);
  if (effect.outcome == NotifyFlush::Outcome::kUnknown && AskForNotice(notice, effect.unknown_in)) {
    return;
  }
  FinishNotify(notice, effect);
}

void QueryPath::FinishNotify(const Notice& notice, const NotifyEffect& effect) {
  using Outcome = NotifyFlush::Outcome;
  if (!effect.outcome) return;
  switch (*effect.outcome) {
    case Outcome::kNow:
    case Outcome::kLater:
      env_.stats.counters.Add(Metric::kNotifyFlushes);
      if (effect.ids.empty()) return NoteNotify(notice, "it is flushed when a second is over");
      return NoteNotify(notice, "flushed, as flush " + FlushNumbersText(effect.ids));
    case Outcome::kCovered:
      return;
    case Outcome::kNotAllowed:
      env_.stats.counters.Add(Metric::kNotifyNotAllowed);
      return NoteNotify(notice, "not flushed: flushOnNotify does not list the sender");
    case Outcome::kRefused:
      env_.stats.counters.Add(Metric::kNotifyRefused);
      return NoteNotify(
          notice, "not flushed: it is about no zone of two labels or more, or there are too many");
    case Outcome::kUnknown:
      env_.stats.counters.Add(Metric::kNotifyUnknownZone);
      return NoteNotify(notice, "not flushed: no server was seen to answer for this zone");
  }
}

// A zone that nobody asked for since the start, say, while the cache came back from disk.
bool QueryPath::AskForNotice(const Notice& notice, const std::string& pool_name) {
  constexpr size_t kMostAsked = 1000;
  constexpr MonoTime kLongest = MonoTime::FromSeconds(30);  // an answer, or none, comes before
  const Pool* pool = config_->FindPool(pool_name);
  if (pool == nullptr || !config_->settings.zone_health.ask) return false;
  if (noticed_.size() >= kMostAsked) {
    absl::erase_if(noticed_, [&](const auto& one) { return now() - one.second.when > kLongest; });
    if (noticed_.size() >= kMostAsked) return false;
  }
  const auto& servers = pool->tiers.empty() ? pool->servers : pool->tiers.front();
  const auto server = std::ranges::find_if(
      servers, [](const BackendPtr& one) { return one->IsUp() && one->zones() == nullptr; });
  if (server == servers.end()) return false;
  const std::string key = notice.zone.FoldedKey();
  const auto asked = noticed_.find(key);
  // The flush that comes is for this one, too.
  if (asked != noticed_.end() && now() - asked->second.when <= kLongest) return true;
  if (!zone_questions_.MayAskSerial(now())) return false;
  const auto flight = AskAboutZone({notice.zone, *server, pool_name});
  if (!flight) return false;
  noticed_.insert_or_assign(key, Noticed{.from = notice.from, .when = now(), .flight = *flight});
  return true;
}

bool QueryPath::EndNoticeQuestion(FlightId id, const dns::Name& zone, std::optional<BadKind> bad) {
  const auto asked = noticed_.find(zone.FoldedKey());
  if (asked == noticed_.end() || asked->second.flight != id) return false;
  const Notice notice{asked->second.from, zone};
  noticed_.erase(asked);
  // One that is refused or unanswered is known no better than before.
  NotifyEffect effect{.outcome = NotifyFlush::Outcome::kUnknown};
  if (!bad) effect = FlushCachesFor(notice);
  FinishNotify(notice, effect);
  return true;
}

void QueryPath::NoteNotify(const Notice& notice, std::string_view what) {
  uint64_t suppressed = 0;
  if (!notify_notes_.Allow(now(), &suppressed)) return;
  LogInfo("cache", "NOTIFY for {} from {}: {}{}", notice.zone.ToString(),
          notice.from.ToStringWithPort(), what, LeftOut(suppressed));
}

}  // namespace breakwater
