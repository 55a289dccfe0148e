// setAlertCommand: runs a program when zones turn bad or good again on a server, and when a pool
// has lost every server of its first tier, or has one again. Changes are gathered for a moment, so
// that one run tells of those that came together, and at most one run begins in an interval; one
// change that takes back another which was not told yet leaves both out. What a run that failed had
// to tell is in the next one. Nothing waits for the program. Lives on the control thread's loop.
//
// The program finds in its environment
//   BREAKWATER_EVENT=zones  BREAKWATER_BAD, BREAKWATER_GOOD: how many turned so
//   BREAKWATER_BAD_ZONES, BREAKWATER_GOOD_ZONES: the first of them, with spaces between
//   BREAKWATER_POOLS_DOWN, BREAKWATER_POOLS_UP: how many pools
// and reads all of them as one JSON object:
//   {"event":"zones","time":T,"bad":[{"zone":Z,"server":S,"since":T,"kind":K}],"good":[...],
//    "pools-down":[{"pool":P,"since":T}],"pools-up":[...]}
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/counter.h"
#include "proxy/config/alert_settings.h"
#include "proxy/control/pool_watch.h"
#include "proxy/control/zone_news.h"
#include "proxy/net/child_process.h"

namespace breakwater {

class AlertCommand {
 public:
  // Beyond so many changes in one run they are only counted.
  static constexpr size_t kMostChanges = 100'000;

  AlertCommand(Loop& loop, Counters& counters) : loop_(loop), counters_(counters) {}
  ~AlertCommand();  // a program that still runs is killed
  AlertCommand(const AlertCommand&) = delete;
  AlertCommand& operator=(const AlertCommand&) = delete;

  struct News {
    std::vector<ZoneNews> zones{};
    std::vector<PoolNews> pools{};
  };
  void Add(const News& news, const AlertSettings& settings);
  bool running() const { return running_ != nullptr; }

 private:
  void Note(const ZoneNews& news);
  void Note(const PoolNews& news);
  void Schedule();
  void OnFailure(const std::string& why);
  void Run();
  void OnDone(const ChildEnd& end);
  ChildSettings Prepare() const;

  Loop& loop_;
  Counters& counters_;
  AlertSettings settings_;
  struct Changes {
    std::map<std::pair<std::string, std::string>, ZoneNews> zones;  // by zone and server
    std::map<std::string, PoolNews> pools;                          // by name
    bool empty() const { return zones.empty() && pools.empty(); }
    size_t size() const { return zones.size() + pools.size(); }
  };
  Changes pending_;
  Changes told_;  // by the program that runs
  size_t left_out_ = 0;
  bool ran_ = false;
  MonoTime last_start_;
  TimerId timer_ = 0;
  std::unique_ptr<ChildProcess> running_;
};

}  // namespace breakwater
