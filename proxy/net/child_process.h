// One run of another program: its words, no shell; input from memory, so that it cannot block us;
// in a process group of its own, which is killed when its time is over. stdout goes nowhere,
// stderr where ours goes. On the loop's thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/loop.h"

namespace breakwater {

struct ChildSettings {
  std::vector<std::string> command;        // program and arguments; the program with its path
  std::vector<std::string> environment{};  // "NAME=value", beside our own
  std::string input{};                     // what it reads
  MonoTime time_limit;
};

struct ChildEnd {
  int exit_status = 0;  // valid where neither of the others is set
  int signal = 0;
  bool timed_out = false;
  bool Succeeded() const { return exit_status == 0 && signal == 0 && !timed_out; }
  std::string ToString() const;  // "ended with status 3"
};

class ChildProcess {
 public:
  using Done = std::function<void(const ChildEnd&)>;  // may destroy the ChildProcess

  static TextResult<std::unique_ptr<ChildProcess>> Start(Loop& loop, const ChildSettings& settings,
                                                         Done done);
  ~ChildProcess();  // kills it if it still runs; `done` is not called then
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

 private:
  ChildProcess(Loop& loop, pid_t pid, Done done);
  TextResult<void> Watch(MonoTime time_limit);
  void OnExit();

  Loop& loop_;
  pid_t pid_;
  Done done_;
  bool timed_out_ = false;
  bool reaped_ = false;
  TimerId timer_ = 0;
  std::unique_ptr<Poller> exit_;
};

}  // namespace breakwater
