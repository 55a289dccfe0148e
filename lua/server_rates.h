// Queries and drops a second of each server, for showServers(): taken when maintenance runs, once
// a second. Script side only.
#pragma once

#include <map>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/base/clock.h"

namespace breakwater::lua {

struct ServerRate {
  double queries = 0;
  double drops = 0;
};

class ServerRates {
 public:
  // Less than half a second after the last time nothing happens.
  void Take(const std::vector<BackendPtr>& servers, MonoTime now);
  ServerRate Of(const Backend& server) const;

 private:
  struct Sample {
    uint64_t queries = 0;
    uint64_t drops = 0;
    ServerRate rate;
  };
  std::map<const Backend*, Sample> samples_;
  MonoTime taken_;
};

}  // namespace breakwater::lua
