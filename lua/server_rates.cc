#include "lua/server_rates.h"

namespace breakwater::lua {

void ServerRates::Take(const std::vector<BackendPtr>& servers, MonoTime now) {
  const int64_t passed_us = (now - taken_).us();
  if (passed_us < 500'000) return;
  const double seconds = static_cast<double>(passed_us) / 1e6;
  std::map<const Backend*, Sample> samples;
  for (const BackendPtr& server : servers) {
    Sample sample{.queries = server->counters().queries.Get(),
                  .drops = server->counters().timeouts.Get(),
                  .rate = {}};
    if (const auto before = samples_.find(server.get()); before != samples_.end()) {
      const Sample& old = before->second;
      sample.rate = {.queries = static_cast<double>(sample.queries - old.queries) / seconds,
                     .drops = static_cast<double>(sample.drops - old.drops) / seconds};
    }
    samples.emplace(server.get(), sample);
  }
  samples_ = std::move(samples);
  taken_ = now;
}

ServerRate ServerRates::Of(const Backend& server) const {
  const auto found = samples_.find(&server);
  return found == samples_.end() ? ServerRate() : found->second.rate;
}

}  // namespace breakwater::lua
