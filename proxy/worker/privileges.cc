#include "proxy/worker/privileges.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace breakwater {
namespace {

std::optional<unsigned> AsNumber(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

TextResult<gid_t> FindGroup(const std::string& name) {
  if (const auto number = AsNumber(name)) return static_cast<gid_t>(*number);
  const group* entry = getgrnam(name.c_str());
  if (entry == nullptr) return Fail(fmt::format("there is no group '{}' (-g)", name));
  return entry->gr_gid;
}

TextResult<uid_t> FindUser(const std::string& name) {
  if (const auto number = AsNumber(name)) return static_cast<uid_t>(*number);
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return Fail(fmt::format("there is no user '{}' (-u)", name));
  return entry->pw_uid;
}

// Everything goes but the right to bind low ports and what is to be retained.
TextResult<void> LimitCapabilities(std::vector<int> wanted) {
  wanted.push_back(CAP_NET_BIND_SERVICE);
  cap_t held = cap_get_proc();
  cap_t limited = cap_init();
  for (const cap_value_t capability : wanted) {
    cap_flag_value_t permitted = CAP_CLEAR;
    cap_get_flag(held, capability, CAP_PERMITTED, &permitted);
    if (permitted != CAP_SET) continue;
    cap_set_flag(limited, CAP_PERMITTED, 1, &capability, CAP_SET);
    cap_set_flag(limited, CAP_EFFECTIVE, 1, &capability, CAP_SET);
  }
  const int failed = cap_set_proc(limited);
  const int error = errno;
  cap_free(held);
  cap_free(limited);
  if (failed != 0) return Fail(fmt::format("cannot limit capabilities: {}", std::strerror(error)));
  return {};
}

}  // namespace

TextResult<int> CapabilityNumber(const std::string& name) {
  cap_value_t number = 0;
  if (cap_from_name(name.c_str(), &number) == 0) return number;
  return Fail(fmt::format("'{}' is no capability: names are like CAP_SYS_ADMIN", name));
}

TextResult<void> DropPrivileges(const PrivilegeSettings& settings) {
  if (!settings.group.empty()) {
    const auto gid = FindGroup(settings.group);
    if (!gid) return Fail(gid.error());
    if (setgroups(0, nullptr) != 0 && geteuid() == 0) {
      return Fail(fmt::format("cannot drop supplementary groups: {}", std::strerror(errno)));
    }
    if (setgid(*gid) != 0) {
      return Fail(
          fmt::format("cannot become group '{}': {}", settings.group, std::strerror(errno)));
    }
  }
  if (settings.user.empty()) return {};
  const auto uid = FindUser(settings.user);
  if (!uid) return Fail(uid.error());
  if (*uid == geteuid()) return {};
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (setuid(*uid) != 0) {
    return Fail(fmt::format("cannot become user '{}': {}", settings.user, std::strerror(errno)));
  }
  return LimitCapabilities(settings.retained);
}

}  // namespace breakwater
