// Listening sockets for TCP: one a worker, all on one address (SO_REUSEPORT); the kernel spreads
// connections over them. Accepted ones come out non-blocking.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/net/socket_options.h"

namespace breakwater {

// `members` listening sockets on `address` (port 0: all get the same free port). All or none.
TextResult<std::vector<UniqueFd>> OpenTcpGroup(const Address& address, size_t members,
                                               const SocketOptions& options);

struct Accepted {
  UniqueFd fd;  // not valid: none was accepted
  Address peer;
  int error = 0;  // errno, when none was accepted; EAGAIN: nobody waits
};
// Accepts one connection: non-blocking, close-on-exec, without Nagle's delay.
Accepted AcceptConnection(int listener);

}  // namespace breakwater
