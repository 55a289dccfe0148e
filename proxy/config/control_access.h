// Who may do what on the control socket, as configured: roles of users and groups, tokens.
// Part of the snapshot. control/roles.h finds a peer's role, control/permission.h decides.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/dns/name.h"

namespace breakwater {

// Each includes those before it.
enum class Role : uint8_t { kRead, kFlush, kOperate, kAdmin };
std::string_view RoleName(Role role);
std::optional<Role> ParseRole(std::string_view name);
inline bool Allows(Role has, Role needed) {
  return has >= needed;
}

// Tokens are told apart by their hash, under a key that this process made up: neither the
// configuration in memory nor the time that a comparison takes tells a token.
using TokenHash = std::array<uint8_t, 32>;
TokenHash HashToken(std::string_view token);

// addControlToken.
struct ControlToken {
  std::string name;
  TokenHash hash{};
  Role role = Role::kFlush;
  std::vector<dns::Name> zones;  // all that it may flush, with what is below; empty: anything
};
inline constexpr size_t kMinTokenLength = 16;
// The token that `text` is, or null. Looks at all of them, whichever it is.
const ControlToken* FindToken(const std::vector<ControlToken>& tokens, std::string_view text);
// The first line of a file that none but its owner and group can read.
TextResult<std::string> ReadTokenFile(const std::string& path);

struct ControlAccess {
  std::map<uid_t, Role> users;   // whatever groups they are in
  std::map<gid_t, Role> groups;  // the highest of a user's counts
  std::vector<ControlToken> tokens;
  std::string audit_path;  // empty: the log
};

// Adds "alice" or "@dnsops", or a number in place of the name, which is looked up here and now.
TextResult<void> AddRole(ControlAccess& access, const std::string& who, Role role);

}  // namespace breakwater
