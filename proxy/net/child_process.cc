#include "proxy/net/child_process.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "proxy/base/spawn.h"

namespace breakwater {
namespace {

// A file in memory that holds the text, to be read from its beginning.
UniqueFd InputFile(const std::string& text) {
  UniqueFd fd(memfd_create("breakwater-input", MFD_CLOEXEC));
  if (!fd.valid()) return fd;
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = write(fd.get(), text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return UniqueFd();
    done += static_cast<size_t>(wrote);
  }
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return UniqueFd();
  return fd;
}

}  // namespace

std::string ChildEnd::ToString() const {
  if (timed_out) return "took too long and was killed";
  if (signal != 0) return fmt::format("ended by signal {}", signal);
  return fmt::format("ended with status {}", exit_status);
}

ChildProcess::ChildProcess(Loop& loop, pid_t pid, Done done)
    : loop_(loop), pid_(pid), done_(std::move(done)) {}

TextResult<std::unique_ptr<ChildProcess>> ChildProcess::Start(Loop& loop,
                                                              const ChildSettings& settings,
                                                              Done done) {
  const UniqueFd input = InputFile(settings.input);
  if (!input.valid()) {
    return Fail(
        fmt::format("cannot run {}: its input: {}", settings.command[0], std::strerror(errno)));
  }
  const auto pid = Spawn({settings.command, settings.environment, input.get()});
  if (!pid) return Fail(fmt::format("cannot run {}: {}", settings.command[0], pid.error()));
  std::unique_ptr<ChildProcess> child(new ChildProcess(loop, *pid, std::move(done)));
  if (auto watched = child->Watch(settings.time_limit); !watched) return Fail(watched.error());
  return child;
}

TextResult<void> ChildProcess::Watch(MonoTime time_limit) {
  UniqueFd fd = ProcessDescriptor(pid_);
  if (!fd.valid()) {
    return Fail(fmt::format("cannot watch the process {}: {}", pid_, std::strerror(errno)));
  }
  exit_ = std::make_unique<Poller>(loop_, std::move(fd), [this](bool, bool) { OnExit(); });
  exit_->Watch({.readable = true});
  timer_ = loop_.timers().Add(loop_.now() + time_limit, [this] {
    timer_ = 0;
    timed_out_ = true;
    kill(-pid_, SIGKILL);
  });
  return {};
}

void ChildProcess::OnExit() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return;
  reaped_ = true;
  exit_->Watch({});
  loop_.timers().Cancel(timer_);
  timer_ = 0;
  ChildEnd end{.timed_out = timed_out_};
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  const Done done = std::move(done_);
  done(end);
}

ChildProcess::~ChildProcess() {
  loop_.timers().Cancel(timer_);
  if (reaped_) return;
  kill(-pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace breakwater
