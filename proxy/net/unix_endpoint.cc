#include "proxy/net/unix_endpoint.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

namespace breakwater {

TextResult<UnixEndpoint> UnixEndpoint::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The path itself ends with a zero octet; an abstract name does not.
  const bool abstract = !path.empty() && path[0] == '\0';
  const size_t most = sizeof(address.sun_path) - (abstract ? 0 : 1);
  if (path.empty() || path.size() > most) {
    return Fail(fmt::format("a path of {} octets: a socket has one of 1 to {}", path.size(), most));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const size_t length = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                               static_cast<socklen_t>(length)) != 0) {
    return Fail(fmt::format("cannot send to the socket '{}': {}", path.substr(abstract ? 1 : 0),
                            std::generic_category().message(errno)));
  }
  return UnixEndpoint(std::move(fd));
}

bool UnixEndpoint::Send(std::span<const uint8_t> bytes) const {
  if (bytes.empty()) return false;
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(bytes.size());
}

}  // namespace breakwater
