#include "proxy/control/roles.h"

#include <sys/socket.h>

#include <algorithm>

namespace breakwater {

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kRead:
      return "read";
    case Role::kFlush:
      return "flush";
    case Role::kOperate:
      return "operate";
    case Role::kAdmin:
      return "admin";
  }
  return "read";
}

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

Role RoleOf(const PeerCredentials& peer, const RoleTable& table) {
  if (peer.uid == 0 || peer.uid == table.own_uid) return Role::kAdmin;
  const bool member = table.has_group && std::find(peer.groups.begin(), peer.groups.end(),
                                                   table.group) != peer.groups.end();
  return member ? Role::kOperate : Role::kRead;
}

}  // namespace breakwater
