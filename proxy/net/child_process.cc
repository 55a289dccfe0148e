#include "proxy/net/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

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

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> EnvironmentWith(const std::vector<std::string>& added) {
  std::vector<std::string> all;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) all.emplace_back(*one);
  all.insert(all.end(), added.begin(), added.end());
  return all;
}

// What the child does differently from us: its descriptors, its signals, its process group.
class SpawnPlan {
 public:
  explicit SpawnPlan(int input) {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_adddup2(&files_, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&files_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  TextResult<pid_t> Spawn(std::vector<std::string> command,
                          std::vector<std::string> environment) const {
    pid_t pid = 0;
    const int error = posix_spawn(&pid, command[0].c_str(), &files_, &attributes_,
                                  Pointers(command).data(), Pointers(environment).data());
    if (error == 0) return pid;
    return Fail(fmt::format("cannot run {}: {}", command[0], std::strerror(error)));
  }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

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
  const auto pid =
      SpawnPlan(input.get()).Spawn(settings.command, EnvironmentWith(settings.environment));
  if (!pid) return Fail(pid.error());
  std::unique_ptr<ChildProcess> child(new ChildProcess(loop, *pid, std::move(done)));
  if (auto watched = child->Watch(settings.time_limit); !watched) return Fail(watched.error());
  return child;
}

TextResult<void> ChildProcess::Watch(MonoTime time_limit) {
  // By number: glibc 2.36 declares the function for C alone.
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
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
