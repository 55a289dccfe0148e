// Which role a peer of the control socket has; the first row that fits. The kernel says who is at
// the other end, and when it connects.
//
//   peer                                   role      may
//   root, the process's own user           admin     everything
//   a user named in roles=                 that one
//   members of groups named in roles=      the highest of those
//   members of the socket's group          operate   servers up and down, flush, read
//   whoever else the file mode lets in     read      status, servers, rules, cache stats
//
// The socket's group is like one named in roles= with `operate`, unless it is named there.
#pragma once

#include <sys/types.h>

#include <vector>

#include "proxy/base/result.h"
#include "proxy/config/control_access.h"

namespace breakwater {

struct PeerCredentials {
  uid_t uid = static_cast<uid_t>(-1);
  pid_t pid = 0;
  std::vector<gid_t> groups;  // the primary one first
};
// SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket.
Result<PeerCredentials> ReadPeerCredentials(int fd);

struct RoleTable {
  uid_t own_uid = static_cast<uid_t>(-1);
  std::map<uid_t, Role> users{};
  std::map<gid_t, Role> groups{};
};
// With the group that the socket was given to.
RoleTable MakeRoleTable(const ControlAccess& access, gid_t socket_group);
Role RoleOf(const PeerCredentials& peer, const RoleTable& table);

}  // namespace breakwater
