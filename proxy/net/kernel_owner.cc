#include "proxy/net/kernel_owner.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace breakwater {
namespace {

constexpr uint32_t kMark = 0xb;  // in no address of user space, whose upper half may lie there
constexpr unsigned kMarkAt = 28;
constexpr unsigned kBeginAt = 22;
constexpr uint32_t kBeginMask = 0x3f;
constexpr uint32_t kPidMask = (1u << kBeginAt) - 1;  // the kernel's limit is 2^22
constexpr int kBeginField = 22;                      // of proc(5), counted from 1

// In ticks since the machine was started; none without /proc, or where the process is gone.
std::optional<uint64_t> BeginOf(uint32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  // The second field, a name in parentheses, may have anything in it.
  const size_t behind_name = text.rfind(')');
  if (behind_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(behind_name + 1));
  std::string skipped;
  for (int field = 3; field < kBeginField; ++field) fields >> skipped;
  uint64_t begin = 0;
  if (!(fields >> begin)) return std::nullopt;
  return begin;
}

uint32_t OwnerOf(uint32_t pid, uint64_t begin) {
  return kMark << kMarkAt | (static_cast<uint32_t>(begin) & kBeginMask) << kBeginAt |
         (pid & kPidMask);
}

}  // namespace

uint32_t ThisKernelOwner() {
  const auto pid = static_cast<uint32_t>(getpid());
  return OwnerOf(pid, BeginOf(pid).value_or(0));
}

bool KernelOwnerIsGone(uint32_t owner) {
  if (owner >> kMarkAt != kMark) return false;
  const uint32_t pid = owner & kPidMask;
  if (kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return true;
  const auto begin = BeginOf(pid);
  return begin && OwnerOf(pid, *begin) != owner;
}

}  // namespace breakwater
