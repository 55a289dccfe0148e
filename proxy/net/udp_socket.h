// Listening sockets for datagrams, opened as a group: one a worker, all on one address
// (SO_REUSEPORT), with a classic BPF program that spreads queries over them at random. With the
// kernel's own hash all queries from one busy resolver's port land on one worker for ever.
#pragma once

#include <cstddef>
#include <vector>

#include "proxy/net/socket_options.h"

namespace breakwater {

// `members` sockets on `address` (port 0: all get the same free port). They must be opened before
// the threads that use them start, since the program speaks of them in the order of opening.
// Wildcard addresses tell the address asked (PKTINFO). All or none.
TextResult<std::vector<UniqueFd>> OpenUdpGroup(const Address& address, size_t members,
                                               const SocketOptions& options);

// Makes the kernel pick one of `members` sockets of the group of `fd` at random.
TextResult<void> SpreadAtRandom(int fd, size_t members);

}  // namespace breakwater
