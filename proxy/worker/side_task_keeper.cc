#include "proxy/worker/side_task_keeper.h"

#include <algorithm>
#include <utility>

namespace breakwater {

void SideTaskKeeper::UseConfig(const Config& config) {
  kept_.With([&](List& list) {
    for (const auto& known : config.settings.side_tasks) {
      std::shared_ptr<SideTask> task = known.lock();
      if (!task || std::find(list.begin(), list.end(), task) != list.end()) continue;
      task->Start();
      list.push_back(std::move(task));
    }
  });
}

void SideTaskKeeper::Stop() {
  const List list = kept_.With([](List& kept) { return std::exchange(kept, {}); });
  for (const auto& task : list) task->AskToStop();
}

void SideTaskKeeper::Count(Counters& counters) {
  List gone;
  kept_.With([&](List& list) {
    std::erase_if(list, [&](std::shared_ptr<SideTask>& task) {
      // Nobody else has it, so nobody can come to have it: settings know it weakly.
      const bool let_go = task.use_count() == 1;
      if (let_go) task->AskToStop();
      const bool ended = let_go && task->Ended();
      task->Count(counters);
      if (ended) gone.push_back(std::move(task));
      return ended;
    });
  });
}

void SideTaskKeeper::Reopen() {
  const List list = kept_.Copy();
  for (const auto& task : list) task->Reopen();
}

size_t SideTaskKeeper::size() const {
  return kept_.With([](const List& list) { return list.size(); });
}

}  // namespace breakwater
