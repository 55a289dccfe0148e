#include "proxy/worker/run_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/base/spawn.h"

namespace breakwater {
namespace {

// Reads until the child is gone and has said all. Empty: so it was; else which limit was passed.
std::string Follow(int output, int child, const ChildLimits& limits,
                   const std::function<void(std::string_view)>& take) {
  const SystemClock clock;
  const MonoTime end = clock.Now() + limits.timeout;
  size_t total = 0;
  std::array<char, 16 * 1024> chunk;
  bool open = true;
  for (;;) {
    const int64_t left_ms = (end - clock.Now()).ms();
    if (left_ms <= 0) return fmt::format("it took longer than {} ms", limits.timeout.ms());
    std::array<pollfd, 3> watched = {
        {{open ? output : -1, POLLIN, 0}, {child, POLLIN, 0}, {limits.stop_fd, POLLIN, 0}}};
    if (poll(watched.data(), watched.size(), static_cast<int>(left_ms)) < 0 && errno != EINTR) {
      return fmt::format("its output cannot be read: {}", std::strerror(errno));
    }
    if (watched[2].revents != 0) return "it was stopped with the server";
    if (watched[0].revents == 0) {
      // What it left behind may hold the pipe open; it said all there was.
      if (watched[1].revents != 0) return {};
      continue;
    }
    const ssize_t got = read(output, chunk.data(), chunk.size());
    open = got > 0;
    if (!open) continue;
    total += static_cast<size_t>(got);
    if (total > limits.max_output) {
      return fmt::format("it printed more than {} bytes", limits.max_output);
    }
    take({chunk.data(), static_cast<size_t>(got)});
  }
}

}  // namespace

TextResult<void> RunChild(const std::vector<std::string>& argv, const ChildLimits& limits,
                          const std::function<void(std::string_view)>& take) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Fail(std::string("no pipe can be made for its output"));
  const UniqueFd output(ends[0]);
  UniqueFd input(ends[1]);
  const auto pid = Spawn({.command = argv, .output = input.get()});
  if (!pid) return Fail("it cannot be run: " + pid.error());
  input.Reset();
  const UniqueFd child = ProcessDescriptor(*pid);
  const std::string problem =
      child.valid() ? Follow(output.get(), child.get(), limits, take) : "it cannot be watched";
  if (!problem.empty()) kill(-*pid, SIGKILL);
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!problem.empty()) return Fail(problem);
  if (status != 0) return Fail("it " + ExitText(status));
  return {};
}

}  // namespace breakwater
