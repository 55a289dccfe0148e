// breakwaterctl flush --list: reads the list, hands it to the server, and shows how far it is until
// it is over. The server makes the flushes; where this client dies they go on, where it is told to
// stop (SIGINT, SIGTERM) it tells the server so first.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "proxy/cache/flush_line.h"
#include "proxy/control/ctl_client.h"
#include "proxy/control/ctl_commands.h"

namespace breakwater {

struct ListedFlushes {
  std::vector<std::string> lines;  // each once, as the server reads them
  struct Problem {
    size_t line = 0;
    std::string text;
  };
  std::vector<Problem> problems;
};
ListedFlushes ReadFlushList(std::istream& in, const FlushLineDefaults& defaults);

// flush stop LIST: what it began to take back is waited for.
CtlExit RunFlushStop(const CtlOptions& options, const CtlOutput& output, CtlClient& client);
CtlExit RunFlushList(const CtlOptions& options, const CtlOutput& output, CtlClient& client);

}  // namespace breakwater
