// Runs a program without a shell, and reads what it prints. Blocks its caller: for helper threads.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/result.h"

namespace breakwater {

struct ChildLimits {
  MonoTime timeout = MonoTime::FromSeconds(10);
  size_t max_output = 1u << 20;  // bytes
  int stop_fd = -1;              // readable: to be ended at once
};

// `argv` begins with an absolute path. Its standard input is empty, its errors go where ours go; it
// has a process group of its own, which is killed where a limit is passed. `take` gets its output
// as it comes. The error says how it failed: "it exited with status 3".
TextResult<void> RunChild(const std::vector<std::string>& argv, const ChildLimits& limits,
                          const std::function<void(std::string_view)>& take);

}  // namespace breakwater
