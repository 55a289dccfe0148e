#include "proxy/control/explain_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/pool/backend_choice.h"

namespace breakwater {
namespace {

using nlohmann::json;

// Stands for the policy, and notes what it was to choose from.
class PeekingPolicy : public Policy {
 public:
  explicit PeekingPolicy(const Policy& inner) : inner_(inner) {}
  BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const override {
    offered.clear();
    std::ranges::copy_if(servers, std::back_inserter(offered),
                         [](const BackendPtr& server) { return server->IsUp(); });
    const std::optional<BackendPtr> choice = inner_.Peek(servers, context);
    decided = choice.has_value();
    if (choice) return *choice;
    return offered.empty() ? nullptr : offered.front();
  }
  std::string Name() const override { return inner_.Name(); }

  mutable std::vector<BackendPtr> offered;
  mutable bool decided = false;

 private:
  const Policy& inner_;
};

const ZoneOnBackend* FindZone(const std::optional<ZoneReport>& zone, const Backend& server) {
  if (!zone) return nullptr;
  for (const ZoneOnBackend& one : zone->backends) {
    if (one.backend == server.number()) return &one;
  }
  return nullptr;
}

// Why a server is not chosen from; empty where it is.
std::string WhyNot(const BackendQuestion& question, const Backend& server,
                   const ZoneOnBackend* zone, bool offered) {
  if (!server.IsUp()) return "it is down";
  if (offered) return "";
  if (zone != nullptr && zone->is_bad && zone->last_bad == BadKind::kOlder && zone->serial) {
    return fmt::format("it is older for the zone: {}", zone->serial->ToString());
  }
  if (zone != nullptr && zone->is_bad) {
    return fmt::format("it is bad for the zone; one query in {} s goes there to try",
                       ZoneHealth::kTrialEvery.seconds());
  }
  if (HoldsNoZoneFor(question.query, server)) return "it has no file for the zone";
  return fmt::format("tier {} waits until the tiers before it have no answer",
                     server.settings().tier);
}

json ServerRow(const BackendQuestion& question, const BackendPtr& server,
               const std::optional<ZoneReport>& zone, bool offered) {
  json row = {{"name", server->name()},
              {"address", server->AddressText()},
              {"state", server->health().StateText()},
              {"up", server->IsUp()},
              {"tier", server->settings().tier},
              {"order", server->order()},
              {"weight", server->weight()},
              {"outstanding", server->outstanding()},
              {"eligible", offered}};
  const ZoneOnBackend* one = FindZone(zone, *server);
  row["zone-state"] = one == nullptr ? "unknown" : one->is_bad ? "bad" : "good";
  if (one != nullptr && one->is_bad) {
    row["bad-for-s"] = std::max<int64_t>(0, (question.now - one->since).seconds());
    row["last-bad"] = NameOf(one->last_bad);
  }
  if (one != nullptr && one->serial) row["serial"] = one->serial->ToString();
  const std::string why_not = WhyNot(question, *server, one, offered);
  if (!why_not.empty()) row["why-not"] = why_not;
  return row;
}

// `zones` says what health by zone had to do with it.
std::string Why(const PeekingPolicy& policy, const BackendPtr& asked, std::string_view zones) {
  if (asked == nullptr) return "no server of the pool may be asked";
  std::string why =
      fmt::format("{} of {} server{} that {} up",
                  policy.decided ? policy.Name() + " chooses" : "one", policy.offered.size(),
                  policy.offered.size() == 1 ? "" : "s", policy.offered.size() == 1 ? "is" : "are");
  why += zones;
  why += fmt::format(", in tier {}", asked->settings().tier);
  if (!policy.decided) why += fmt::format("; which one {} decides only then", policy.Name());
  return why;
}

}  // namespace

json ExplainBackend(const BackendQuestion& question) {
  const Pool& pool = question.pool;
  const PeekingPolicy policy(pool.policy ? *pool.policy : *question.config.policy);
  const bool zones_count = ZonesCount(question.config.settings.zone_health, pool);
  Random random;
  PolicyContext context{.query = question.query, .now = question.now, .random = random};
  const BackendPtr asked = ChooseBackendFor({.pool = pool,
                                             .policy = policy,
                                             .context = context,
                                             .zones = zones_count ? &question.zones : nullptr,
                                             .refreshes = question.due,
                                             .trials = Trials::kNone});
  const auto zone = question.zones.Peek(ZoneNameOf(question.query));
  bool all_bad = true;
  json servers = json::array();
  json among = json::array();
  for (const BackendPtr& server : pool.servers) {
    const bool offered = std::ranges::find(policy.offered, server) != policy.offered.end();
    if (offered) among.push_back(server->NameWithAddress());
    const ZoneOnBackend* one = FindZone(zone, *server);
    if (offered && (one == nullptr || !one->is_bad)) all_bad = false;
    servers.push_back(ServerRow(question, server, zone, offered));
  }
  const std::string_view zones_text = !zones_count ? ""
                                      : all_bad    ? ", though bad for the zone"
                                                   : " and not bad for the zone";
  json reply = {
      {"policy", policy.Name()},
      {"asked", nullptr},
      {"standby", asked != nullptr && !pool.tiers.empty() &&
                      asked->settings().tier != pool.tiers.front().front()->settings().tier},
      {"among", std::move(among)},
      {"why", Why(policy, asked, zones_text)},
      {"servers", std::move(servers)}};
  if (asked != nullptr && policy.decided) reply["asked"] = asked->NameWithAddress();
  if (zone) reply["zone"] = zone->zone.ToString();
  return reply;
}

}  // namespace breakwater
