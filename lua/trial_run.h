// --check-config runs every Lua function that packets and health checks would meet once, on a
// sample packet: errors are warnings, or errors with --strict. maintenance() and exit callbacks are
// not run.
#pragma once

#include <functional>
#include <vector>

#include "lua/runtime.h"
#include "proxy/rules/rule_context.h"

namespace breakwater::lua {

// What a function is tried on; fresh for each.
class Trial {
 public:
  explicit Trial(Runtime& runtime);

  // "www.example.com A" with EDNS, from 192.0.2.1.
  Query& query() { return *query_; }
  // The same, answered with 192.0.2.80.
  Query& answer();
  RuleContext& context() { return context_; }
  const std::vector<BackendPtr>& servers() const { return config_.backends; }

 private:
  const Config& config_;
  Frontend frontend_;
  QueryPool pool_;
  Counters counters_;
  std::function<const Pool*(std::string_view)> find_pool_;
  RuleContext context_;
  QueryPtr query_;
};

// Remembers a trial where the runtime only checks.
void AddTrial(const LuaFunction& function, std::function<void(Trial&)> trial);

// Outside an Entry. The number of functions that failed.
size_t RunTrials(Runtime& runtime);

}  // namespace breakwater::lua
