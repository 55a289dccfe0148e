#include "proxy/control/roles.h"

#include <sys/socket.h>

#include <algorithm>

namespace breakwater {

Result<PeerCredentials> ReadPeerCredentials(int fd) {
  ucred cred{};
  socklen_t size = sizeof(cred);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0) return Fail(Error::kIo);
  PeerCredentials peer{cred.uid, cred.pid, {cred.gid}};
  // The kernel gives the size needed where the buffer is too small.
  std::vector<gid_t> groups(64);
  size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  int got = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  if (got != 0 && size > groups.size() * sizeof(gid_t)) {
    groups.resize(size / sizeof(gid_t));
    got = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  }
  if (got == 0) {
    groups.resize(size / sizeof(gid_t));
    peer.groups.insert(peer.groups.end(), groups.begin(), groups.end());
  }
  return peer;
}

RoleTable MakeRoleTable(const ControlAccess& access, gid_t socket_group) {
  RoleTable table{.users = access.users, .groups = access.groups};
  table.groups.try_emplace(socket_group, Role::kOperate);
  return table;
}

Role RoleOf(const PeerCredentials& peer, const RoleTable& table) {
  if (peer.uid == 0 || peer.uid == table.own_uid) return Role::kAdmin;
  if (const auto user = table.users.find(peer.uid); user != table.users.end()) return user->second;
  Role role = Role::kRead;
  for (const gid_t group : peer.groups) {
    const auto found = table.groups.find(group);
    if (found != table.groups.end()) role = std::max(role, found->second);
  }
  return role;
}

}  // namespace breakwater
