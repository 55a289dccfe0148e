// The beginning of a connection over a stream that does not wait, for threads that wait with poll.
#pragma once

#include <sys/socket.h>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

struct BegunConnection {
  UniqueFd socket;       // non-blocking, closed on exec
  bool pending = false;  // FinishConnect() once it can be written to
};

// What the operating system says where it cannot be begun.
TextResult<BegunConnection> BeginConnect(const sockaddr* address, socklen_t length);
// Whether a connection that was pending has come about.
TextResult<void> FinishConnect(int socket);

}  // namespace breakwater
