#include "proxy/pool/backend_choice.h"

#include <algorithm>

#include "proxy/zone/zone_store.h"

namespace breakwater {
namespace {

bool WasTried(const BackendPtr& server, std::span<const Attempt> tried) {
  return std::ranges::any_of(tried, [&](const Attempt& a) { return a.backend == server; });
}

bool Avoids(const ChoiceSource& source, const Backend& server) {
  if (source.zones == nullptr) return false;
  const auto name = ZoneNameOf(source.context.query);
  if (source.trials == Trials::kNone) return source.zones->IsBad(name, server.number());
  return source.zones->Avoids(name, server.number(), source.context.now);
}

BackendPtr ChooseFrom(const ChoiceSource& source, const std::vector<BackendPtr>& servers,
                      std::span<const Attempt> tried) {
  std::vector<BackendPtr> eligible;
  eligible.reserve(servers.size());
  for (const BackendPtr& server : servers) {
    if (!server->IsUp() || WasTried(server, tried) || Avoids(source, *server)) continue;
    if (HoldsNoZoneFor(source.context.query, *server)) continue;
    eligible.push_back(server);
  }
  return eligible.empty() ? nullptr : source.policy.Choose(eligible, source.context);
}

// The servers that are not bad for the zone, or where `source` refreshes any of the first tier.
BackendPtr ChooseFromTier(const ChoiceSource& source, const std::vector<BackendPtr>& servers,
                          std::span<const Attempt> tried) {
  if (BackendPtr found = ChooseFrom(source, servers, tried)) return found;
  const auto& tiers = source.pool.tiers;
  const bool first = tiers.empty() || &servers == &tiers.front();
  if (!source.refreshes || !first) return nullptr;
  return ChooseFrom({source.pool, source.policy, source.context, nullptr}, servers, tried);
}

}  // namespace

std::span<const uint8_t> ZoneNameOf(const Query& query) {
  const std::span<const uint8_t> name = query.name();
  return query.question.type == dns::Type::kDs ? name.subspan(name[0] == 0 ? 0 : 1u + name[0])
                                               : name;
}

bool HoldsNoZoneFor(const Query& query, const Backend& server) {
  if (server.zones() == nullptr) return false;
  const auto name = dns::Name::FromWire(ZoneNameOf(query));
  return name && server.zones()->zones()->Find(*name) == nullptr;
}

bool ZonesCount(const ZoneHealthSettings& settings, const Pool& pool) {
  using Failover = ZoneHealthSettings::Failover;
  if (settings.failover != Failover::kAuto) return settings.failover == Failover::kOn;
  return !pool.tiers.empty() || (pool.cache != nullptr && pool.cache->settings().last_good);
}

BackendPtr ChooseBackendFor(const ChoiceSource& source) {
  const Pool& pool = source.pool;
  const bool zones_count = source.zones != nullptr && source.zones->AnyBad();
  if (pool.tiers.empty() && !zones_count) return source.policy.Choose(pool.servers, source.context);
  if (pool.tiers.empty()) {
    if (BackendPtr found = ChooseFrom(source, pool.servers, {})) return found;
    return source.policy.Choose(pool.servers, source.context);
  }
  for (const auto& tier : pool.tiers) {
    if (BackendPtr found = ChooseFromTier(source, tier, {})) return found;
  }
  const ChoiceSource whatever_the_zone{pool, source.policy, source.context, nullptr};
  for (const auto& tier : pool.tiers) {
    if (BackendPtr found = ChooseFrom(whatever_the_zone, tier, {})) return found;
  }
  return source.policy.Choose(pool.servers, source.context);
}

BackendPtr ChooseAnotherFor(const ChoiceSource& source, std::span<const Attempt> tried,
                            Reach reach) {
  const Pool& pool = source.pool;
  if (pool.tiers.empty() || tried.empty()) {
    return reach == Reach::kSameTier ? ChooseFromTier(source, pool.servers, tried) : nullptr;
  }
  const auto last = tried.back().backend->settings().tier;
  for (const auto& tier : pool.tiers) {
    const auto own = tier.front()->settings().tier;
    if (reach == Reach::kSameTier ? own != last : own <= last) continue;
    if (BackendPtr found = ChooseFromTier(source, tier, tried)) return found;
  }
  return nullptr;
}

}  // namespace breakwater
