#include "proxy/config/control_access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "proxy/base/random.h"
#include "proxy/base/text.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {
namespace {

constexpr std::array<std::string_view, 4> kRoleNames = {"read", "flush", "operate", "admin"};
constexpr size_t kEntryBuffer = 64 * 1024;
constexpr size_t kMaxTokenFile = 4096;

const std::array<uint8_t, 32>& HashKey() {
  static const std::array<uint8_t, 32> key = [] {
    std::array<uint8_t, 32> made;
    FillRandom(made);
    return made;
  }();
  return key;
}

std::optional<uint32_t> ParseNumber(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

TextResult<uid_t> UserId(const std::string& name) {
  if (const auto number = ParseNumber(name)) return *number;
  std::string buffer(kEntryBuffer, '\0');
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return Fail(fmt::format("there is no user '{}'", name));
  return found->pw_uid;
}

TextResult<gid_t> GroupId(const std::string& name) {
  if (const auto number = ParseNumber(name)) return *number;
  std::string buffer(kEntryBuffer, '\0');
  group entry{};
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return Fail(fmt::format("there is no group '{}'", name));
  return found->gr_gid;
}

}  // namespace

std::string_view RoleName(Role role) {
  return kRoleNames[static_cast<size_t>(role) % kRoleNames.size()];
}

std::optional<Role> ParseRole(std::string_view name) {
  const auto found = std::find(kRoleNames.begin(), kRoleNames.end(), name);
  if (found == kRoleNames.end()) return std::nullopt;
  return static_cast<Role>(found - kRoleNames.begin());
}

TokenHash HashToken(std::string_view token) {
  TokenHash hash;
  const auto& key = HashKey();
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const uint8_t*>(token.data()),
                     token.size(), key.data(), key.size());
  return hash;
}

const ControlToken* FindToken(const std::vector<ControlToken>& tokens, std::string_view text) {
  const TokenHash hash = HashToken(text);
  const ControlToken* found = nullptr;
  for (const ControlToken& token : tokens) {
    if (sodium_memcmp(token.hash.data(), hash.data(), hash.size()) == 0) found = &token;
  }
  return found;
}

TextResult<std::string> ReadTokenFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd.valid() || fstat(fd.get(), &status) != 0) {
    return Fail(fmt::format("cannot read the token file {}: {}", path, std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) return Fail(fmt::format("the token file {} is no file", path));
  if ((status.st_mode & S_IRWXO) != 0) {
    return Fail(
        fmt::format("the token file {} is open to everybody: 'chmod o-rwx' it, and change the "
                    "token",
                    path));
  }
  std::string text(kMaxTokenFile, '\0');
  const ssize_t got = read(fd.get(), text.data(), text.size());
  if (got < 0) {
    return Fail(fmt::format("cannot read the token file {}: {}", path, std::strerror(errno)));
  }
  text.resize(static_cast<size_t>(got));
  std::string token(TrimSpace(std::string_view(text).substr(0, text.find('\n'))));
  sodium_memzero(text.data(), text.size());
  if (token.empty()) return Fail(fmt::format("the token file {} begins with no token", path));
  return token;
}

TextResult<void> AddRole(ControlAccess& access, const std::string& who, Role role) {
  if (!who.empty() && who[0] == '@') {
    const auto group = GroupId(who.substr(1));
    if (!group) return Fail(group.error());
    access.groups[*group] = role;
    return {};
  }
  const auto user = UserId(who);
  if (!user) return Fail(user.error());
  if (*user == 0) return Fail(std::string("root is admin in any case"));
  access.users[*user] = role;
  return {};
}

}  // namespace breakwater
