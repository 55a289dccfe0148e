// How console and web reach Lua without knowing it: lua/ implements this. Calls may come from
// any thread; they run on the script thread, one after another, and block until it is done.
#pragma once

#include <pthread.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/control/web_message.h"

namespace breakwater {

class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  // Runs one console line and gives what it prints, results included, errors as text.
  virtual std::string RunCommand(std::string_view line) = 0;
  // Nobody waits any more for the line that `thread` runs, which must be alive: makes it fail soon
  // if it is in Lua just now. Any thread, does not block.
  virtual void StopCommandOf(pthread_t thread) = 0;
  // Names that begin with `prefix`, for completion.
  virtual std::vector<std::string> Complete(std::string_view prefix) = 0;
  // What registerWebHandler's function for the request's path answers; none where there is none,
  // and that is told without waiting for Lua.
  virtual std::optional<WebResponse> AnswerPage(const WebRequest& request) = 0;
  // The newest published configuration; any thread, does not block.
  virtual ConfigPtr CurrentConfig() const = 0;
};

}  // namespace breakwater
