// addFlushSource: where a provisioning system says what has changed (worker/flush_sources.h). Part
// of the snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/cache/flush_line.h"

namespace breakwater {

struct FlushSourceSettings {
  std::string file;                  // lines appended to it are flushes
  std::string state{};               // where its place in the file is kept; empty: nowhere
  std::vector<std::string> command;  // or: the lines that it prints, program and arguments
  uint32_t interval_ms = 1000;
  uint32_t timeout_ms = 10'000;       // of a command: it is killed then
  size_t max_output = 16u << 20;      // of a command, bytes
  FlushLineDefaults defaults{};       // what holds for each line
  std::optional<std::string> pool{};  // that pool's cache alone

  std::string Name() const { return file.empty() ? command.front() : file; }
};

}  // namespace breakwater
