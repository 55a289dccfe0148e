#include "proxy/backend/server_rates.h"

namespace breakwater {

void ServerRates::Take(const std::vector<BackendPtr>& servers, MonoTime now) {
  taken_.With([&](Taken& taken) {
    const int64_t passed_us = (now - taken.when).us();
    if (passed_us < 500'000) return;
    const double seconds = static_cast<double>(passed_us) / 1e6;
    std::map<BackendNumber, Sample> samples;
    for (const BackendPtr& server : servers) {
      Sample sample{.queries = server->counters().queries.Get(),
                    .drops = server->counters().timeouts.Get(),
                    .rate = {}};
      if (const auto before = taken.samples.find(server->number()); before != taken.samples.end()) {
        const Sample& old = before->second;
        sample.rate = {.queries = static_cast<double>(sample.queries - old.queries) / seconds,
                       .drops = static_cast<double>(sample.drops - old.drops) / seconds};
      }
      samples.emplace(server->number(), sample);
    }
    taken = {std::move(samples), now};
  });
}

ServerRate ServerRates::Of(const Backend& server) const {
  return taken_.With([&](const Taken& taken) {
    const auto found = taken.samples.find(server.number());
    return found == taken.samples.end() ? ServerRate() : found->second.rate;
  });
}

}  // namespace breakwater
