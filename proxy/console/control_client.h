// The client of the encrypted console: `breakwater -c` and `-e`, toward Breakwater or dnsdist.
// Blocking, on the main thread of its own process.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/console/control_cipher.h"

namespace breakwater {

struct ControlClientSettings {
  Address server;
  std::string key;                  // raw; empty is an error
  uint32_t max_reply = 10'000'000;  // bytes; setConsoleOutputMaxMsgSize
  uint32_t connect_timeout_ms = 5000;
};

class ControlClient {
 public:
  // Connects and exchanges an empty message, so that another key is told at once.
  static TextResult<ControlClient> Connect(const ControlClientSettings& settings);

  // Sends one command; what the server printed. Waits for it however long it takes.
  TextResult<std::string> Execute(std::string_view command);
  // Names that the server's Lua knows, for completion; empty where it does not tell.
  std::vector<std::string> Names();

 private:
  ControlClient(UniqueFd fd, ControlCipher cipher, uint32_t max_reply)
      : fd_(std::move(fd)), cipher_(cipher), max_reply_(max_reply) {}

  UniqueFd fd_;
  ControlCipher cipher_;
  uint32_t max_reply_;
};

// `-e COMMAND`: prints what the server answers. Exit status: 0, or 1 with the reason on `err`.
int RunConsoleCommand(const ControlClientSettings& settings, std::string_view command,
                      std::ostream& out, std::ostream& err);
// `-c`: lines from the terminal (edited, with history and completion) or from a pipe, until the
// end of input or "quit".
int RunConsoleClient(const ControlClientSettings& settings, std::ostream& out, std::ostream& err);

}  // namespace breakwater
