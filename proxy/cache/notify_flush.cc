#include "proxy/cache/notify_flush.h"

namespace breakwater {

NotifyFlush::Decision NotifyFlush::Decide(const Address& sender, const dns::Name& zone,
                                          MonoTime now) {
  if (!from_.Matches(sender)) return {Outcome::kNotAllowed};
  // One forged datagram for "com" would flush half of what is held.
  if (zone.CountLabels() < kLeastLabels) return {Outcome::kRefused};
  return state_.With([&](State& state) { return DecideOn(state, zone.FoldedKey(), now); });
}

NotifyFlush::Decision NotifyFlush::DecideOn(State& state, const std::string& zone, MonoTime now) {
  while (!state.order.empty() && state.order.front().second + kQuiet <= now) {
    const auto& [name, when] = state.order.front();
    const auto found = state.last.find(name);
    if (found != state.last.end() && found->second == when) state.last.erase(found);
    state.order.pop_front();
  }
  const auto known = state.last.find(zone);
  if (known != state.last.end() && known->second > now) return {Outcome::kCovered};
  if (!budget_.Take(now)) return {Outcome::kRefused};
  MonoTime when = now;
  if (known != state.last.end() && now - known->second < kQuiet) when = known->second + kQuiet;
  state.last[zone] = when;
  state.order.emplace_back(zone, when);
  return {when == now ? Outcome::kNow : Outcome::kLater, when};
}

}  // namespace breakwater
