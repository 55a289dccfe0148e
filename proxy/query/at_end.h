// What is done when a query is over, whatever became of it: its answer was sent, or it was dropped.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace breakwater {

// Runs on the query's worker, once, and must not throw.
class AtQueryEnd {
 public:
  virtual ~AtQueryEnd() = default;
  virtual void Run() = 0;
};

// Those of one query. A copy of the query has none: each is done once.
class QueryEndTasks {
 public:
  QueryEndTasks() = default;
  QueryEndTasks(const QueryEndTasks&) {}
  QueryEndTasks& operator=(const QueryEndTasks&) { return *this; }

  void Add(std::unique_ptr<AtQueryEnd> task) { tasks_.push_back(std::move(task)); }
  void RunAll() {
    for (const auto& task : tasks_) task->Run();
    tasks_.clear();
  }

 private:
  std::vector<std::unique_ptr<AtQueryEnd>> tasks_;
};

// A name with texts and numbers that collectors are told of a query: dq:setMetaKey().
struct QueryMeta {
  std::string key;
  std::vector<std::string> texts;
  std::vector<int64_t> numbers;
};

using MessageId = std::array<uint8_t, 16>;  // the same for a query and its answer

}  // namespace breakwater
