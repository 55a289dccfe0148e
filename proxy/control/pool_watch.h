// Pools that have lost every server of their first tier, as people are told of it: that is no
// zone's news, for nobody is asked any more. Those that the operator took down do not count. Owned
// and used by the control thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proxy/config/config.h"

namespace breakwater {

struct PoolNews {
  std::string pool;
  bool is_down = false;
  MonoTime when{};
};

class PoolWatch {
 public:
  // What changed since the last look. A pool is down once two looks in a row say so: servers are
  // down until their first check.
  std::vector<PoolNews> Look(const Config& config, MonoTime now);

 private:
  struct State {
    int looks = 0;  // in a row that found it down
    bool told = false;
  };
  std::map<std::string, State> states_;  // of pools that are down
};

void LogPoolNews(const std::vector<PoolNews>& news);

}  // namespace breakwater
