// Queries and drops a second of each server, for the web server and for showServers(): each has its
// own, taken once a second by its thread. Any thread.
#pragma once

#include <map>
#include <vector>

#include "proxy/backend/backend.h"
#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"

namespace breakwater {

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
  struct Taken {
    std::map<BackendNumber, Sample> samples;
    MonoTime when;
  };
  Guarded<Taken> taken_;
};

}  // namespace breakwater
