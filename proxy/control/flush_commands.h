// The commands of the control socket that flush, take back, and tell of it; lists at a pace among
// them. A list is a job of the server's: it goes on when the client that began it goes away, for
// what stops it is watched here. Owned by ControlCommands; control thread alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "proxy/base/counter.h"
#include "proxy/base/timer_queue.h"
#include "proxy/control/control_request.h"
#include "proxy/control/control_target.h"
#include "proxy/control/flush_ids.h"
#include "proxy/control/list_flush.h"
#include "proxy/control/zone_prober.h"

namespace breakwater {

// What lists need; outlives the commands.
struct ListFlushTools {
  TimerQueue& timers;
  ZoneProber& prober;
  Counters* counters = nullptr;  // the control thread's
};

class FlushCommands {
 public:
  static constexpr size_t kMostJobs = 8;  // that are not over
  static constexpr size_t kMostJobsOfAToken = 2;
  static constexpr size_t kMostBytes = 64 << 20;  // of lines, all jobs together
  static constexpr size_t kMostFinished = 32;     // that can still be asked about
  static constexpr size_t kMostOpenProbes = 256;
  static constexpr MonoTime kLoadingTime = MonoTime::FromSeconds(60);  // to be run within

  FlushCommands(ControlTarget& target, ListFlushTools tools) : target_(target), tools_(tools) {}
  ~FlushCommands();
  FlushCommands(const FlushCommands&) = delete;
  FlushCommands& operator=(const FlushCommands&) = delete;

  // `made_by` is the token that asks; empty: none.
  nlohmann::json Flush(const ControlRequest& request, std::string_view made_by);
  // One, or those from `first` to `last`, the newest first; of a range "undone" and "not-undone"
  // say how many, and the error why the newest of them was not.
  nlohmann::json Undo(uint64_t id);
  nlohmann::json UndoRange(uint64_t first, uint64_t last);
  nlohmann::json State(uint64_t id) const;
  nlohmann::json BeginList(const ControlRequest& request, std::string_view made_by);
  nlohmann::json AddToList(const ControlRequest& request, std::string_view made_by);
  nlohmann::json RunList(uint64_t job);
  nlohmann::json ListState(uint64_t job) const;  // 0: of all
  nlohmann::json StopList(const ControlRequest& request, std::string_view who);

  // The number of all that a cache's flush is a part of; its own where it was made elsewhere.
  uint64_t NumberOf(const PacketCache& cache, FlushId id) const;
  // The token that made a flush, or began a list; nothing where there is none of that number.
  std::optional<std::string> MadeBy(uint64_t id) const;
  // Of a range: the one that made all of them; empty where there is none.
  std::string MadeBy(uint64_t first, uint64_t last) const;
  std::optional<std::string> ListMadeBy(uint64_t job) const;

 private:
  std::optional<FlushIds::Made> FindMade(uint64_t id) const;
  struct Job {
    std::unique_ptr<ListFlush> list;
    TimerId timer = 0;
    MonoTime begun;
    std::vector<FlushRequest> hard;  // since the last time that zones were forgotten
    MonoTime forget_at{};
    std::unordered_set<std::string> seen;  // while it is loaded
  };
  ListFlush::Hooks HooksFor(uint64_t number);
  nlohmann::json RefuseShare(std::string_view made_by, std::string_view what);
  ListFlushOutcome FlushAs(uint64_t id, const FlushRequest& request, const ListFlushPlan& plan);
  std::vector<BackendPtr> ToAsk(const std::optional<std::string>& pool) const;
  void Step(uint64_t number);
  void Finish(const ListFlush& list, uint64_t number);
  void GiveUpLoading(Job& job);
  void ForgetOldJobs();
  Job* Find(uint64_t number);

  ControlTarget& target_;
  ListFlushTools tools_;
  FlushIds ids_;
  std::map<uint64_t, Job> jobs_;
  uint64_t next_job_ = 1;
};

}  // namespace breakwater
