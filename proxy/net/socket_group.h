// Listening sockets that share one address (SO_REUSEPORT), one a worker.
#pragma once

#include <functional>
#include <vector>

#include "proxy/net/socket_options.h"

namespace breakwater {

struct SocketGroup {
  SocketKind kind;
  Address address;  // port 0: all get the same free port
  size_t members = 1;
  SocketOptions options{};
};

// Opens each member with `open_one`; another owner of the port is an error unless the options
// share it. All or none.
using OpenSocket =
    std::function<TextResult<UniqueFd>(const Address& address, const SocketOptions& options)>;
TextResult<std::vector<UniqueFd>> OpenSocketGroup(const SocketGroup& group,
                                                  const OpenSocket& open_one);

}  // namespace breakwater
