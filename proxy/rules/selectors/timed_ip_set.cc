#include "proxy/rules/selectors/timed_ip_set.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakwater {

TimedIpSet::Key TimedIpSet::KeyOf(const Address& client) {
  Key key{};
  const auto bytes = client.Raw();
  key[0] = static_cast<uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), key.begin() + 1);
  return key;
}

bool TimedIpSet::Add(const Address& client, uint32_t seconds, MonoTime now) {
  const MonoTime until = now + MonoTime::FromSeconds(seconds);
  return until_.With([&](auto& table) {
    const Key key = KeyOf(client);
    if (table.size() >= kMostEntries && !table.contains(key)) {
      // Looked for once a second at most: it takes a walk over all.
      if (now < next_purge_) return false;
      next_purge_ = now + MonoTime::FromSeconds(1);
      absl::erase_if(table, [&](const auto& entry) { return entry.second <= now; });
      if (table.size() >= kMostEntries) return false;
    }
    MonoTime& held = table[key];
    held = std::max(held, until);
    return true;
  });
}

void TimedIpSet::Clear() {
  until_.With([](auto& table) { table.clear(); });
}

void TimedIpSet::Cleanup(MonoTime now) {
  until_.With([&](auto& table) {
    absl::erase_if(table, [&](const auto& entry) { return entry.second <= now; });
  });
}

size_t TimedIpSet::size() const {
  return until_.With([](const auto& table) { return table.size(); });
}

bool TimedIpSet::Matches(const Query& query, RuleContext& context) const {
  return until_.With([&](const auto& table) {
    const auto found = table.find(KeyOf(query.client));
    return found != table.end() && context.now < found->second;
  });
}

std::string TimedIpSet::ToString() const {
  return fmt::format("Src: {} ips", size());
}

}  // namespace breakwater
