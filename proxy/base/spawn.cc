#include "proxy/base/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace breakwater {
namespace {

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
  SpawnPlan(int input, int output) {
    posix_spawn_file_actions_init(&files_);
    SetFile(STDIN_FILENO, input, O_RDONLY);
    SetFile(STDOUT_FILENO, output, O_WRONLY);
    posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
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

  const posix_spawn_file_actions_t* files() const { return &files_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  void SetFile(int number, int from, int flags) {
    if (from >= 0) {
      posix_spawn_file_actions_adddup2(&files_, from, number);
    } else {
      posix_spawn_file_actions_addopen(&files_, number, "/dev/null", flags, 0);
    }
  }

  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

}  // namespace

TextResult<pid_t> Spawn(const SpawnSettings& settings) {
  const SpawnPlan plan(settings.input, settings.output);
  std::vector<std::string> words = settings.command;
  std::vector<std::string> environment = EnvironmentWith(settings.environment);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, words[0].c_str(), plan.files(), plan.attributes(),
                                Pointers(words).data(), Pointers(environment).data());
  if (error != 0) return Fail(std::string(std::strerror(error)));
  return pid;
}

UniqueFd ProcessDescriptor(pid_t pid) {
  // By number: glibc 2.36 declares the function for C alone.
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

std::string ExitText(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was ended by signal {}", WTERMSIG(status));
  return fmt::format("exited with status {}", WEXITSTATUS(status));
}

}  // namespace breakwater
