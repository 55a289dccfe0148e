// Starts another program: its words, no shell, in a process group of its own, with none of our
// descriptors but the ones given, and with no signal blocked or ignored. Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

struct SpawnSettings {
  std::vector<std::string> command;        // program and arguments; the program with its path
  std::vector<std::string> environment{};  // "NAME=value", beside our own
  int input = -1;                          // what becomes its stdin; -1: nothing to read
  int output = -1;                         // and its stdout; -1: it goes nowhere
};

// The caller reaps it (waitpid). The error is the reason alone: "No such file or directory".
TextResult<pid_t> Spawn(const SpawnSettings& settings);

// Readable when the process has ended. Not valid, with errno, where there is none.
UniqueFd ProcessDescriptor(pid_t pid);

// "exited with status 3", "was ended by signal 9": of what waitpid() gave.
std::string ExitText(int status);

}  // namespace breakwater
