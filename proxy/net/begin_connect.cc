#include "proxy/net/begin_connect.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace breakwater {

TextResult<BegunConnection> BeginConnect(const sockaddr* address, socklen_t length) {
  BegunConnection begun;
  begun.socket =
      UniqueFd(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!begun.socket.valid()) return Fail(std::string(std::strerror(errno)));
  if (connect(begun.socket.get(), address, length) != 0) {
    if (errno != EINPROGRESS) return Fail(std::string(std::strerror(errno)));
    begun.pending = true;
  }
  return begun;
}

TextResult<void> FinishConnect(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Fail(std::string(std::strerror(error)));
  return {};
}

}  // namespace breakwater
