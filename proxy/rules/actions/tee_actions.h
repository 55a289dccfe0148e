// TeeAction: sends a copy of each query that came as a datagram to one more server. Its answers
// are counted and go no further; the client's query stays as it is, and rules go on.
#pragma once

#include <memory>

#include "proxy/rules/action.h"
#include "proxy/rules/tee_socket.h"

namespace breakwater {

struct TeeOptions {
  bool client_subnet = false;  // the copy tells the client's network, as backends are told it
  bool proxy_header = false;   // and a PROXY header names the client
};

// Never null.
ActionPtr MakeTeeAction(std::shared_ptr<TeeSocket> socket, const TeeOptions& options);

}  // namespace breakwater
