// Who may do what on the control socket. The kernel says who is at the other end; nothing the
// peer sends can change its role.
//
//   peer                                   role      may
//   root, the process's own user           admin     everything
//   members of the socket's group          operate   servers up and down, flush, read
//   whoever else the file mode lets in     read      status, servers, rules, cache stats
//
// `flush` lies between read and operate; no peer has exactly that role yet.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace breakwater {

enum class Role : uint8_t { kRead, kFlush, kOperate, kAdmin };
std::string_view RoleName(Role role);
inline bool Allows(Role has, Role needed) {
  return has >= needed;
}

struct PeerCredentials {
  uid_t uid = static_cast<uid_t>(-1);
  pid_t pid = 0;
  std::vector<gid_t> groups;  // the primary one first
};
// SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket.
Result<PeerCredentials> ReadPeerCredentials(int fd);

struct RoleTable {
  uid_t own_uid = static_cast<uid_t>(-1);
  bool has_group = false;  // a group was configured for the socket
  gid_t group = static_cast<gid_t>(-1);
};
Role RoleOf(const PeerCredentials& peer, const RoleTable& table);

}  // namespace breakwater
