#include "proxy/net/socket_group.h"

#include <utility>

namespace breakwater {

TextResult<std::vector<UniqueFd>> OpenSocketGroup(const SocketGroup& group,
                                                  const OpenSocket& open_one) {
  if (!group.options.shared_port) {
    const auto free = CheckPortIsFree(group.kind, group.address, group.options);
    if (!free) return Fail(free.error());
  }
  std::vector<UniqueFd> fds;
  Address bound = group.address;
  while (fds.size() < group.members) {
    auto fd = open_one(bound, group.options);
    if (!fd) return Fail(fd.error());
    if (fds.empty()) bound.set_port(LocalAddressOf(fd->get()).port());
    fds.push_back(std::move(*fd));
  }
  return fds;
}

}  // namespace breakwater
