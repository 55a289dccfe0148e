#include "proxy/net/unix_datagram.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace breakwater {
namespace {

struct UnixAddress {
  sockaddr_un address{};
  socklen_t length = 0;
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&address); }
};

TextResult<UnixAddress> AddressOf(const std::string& path) {
  UnixAddress made;
  const size_t most = sizeof(made.address.sun_path) - 1;
  if (path.empty() || path.size() > most) {
    return Fail(fmt::format("the path of a socket has 1 to {} characters", most));
  }
  made.address.sun_family = AF_UNIX;
  std::memcpy(made.address.sun_path, path.data(), path.size());
  const bool abstract = path[0] == '\0';
  made.length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  return made;
}

std::string Shown(const std::string& path) {
  return path[0] == '\0' ? "@" + path.substr(1) : path;
}

UniqueFd MakeSocket() {
  return UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

}  // namespace

TextResult<UniqueFd> ConnectUnixDatagram(const std::string& path) {
  const auto address = AddressOf(path);
  if (!address) return Fail(address.error());
  UniqueFd fd = MakeSocket();
  if (fd.valid() && connect(fd.get(), address->raw(), address->length) == 0) return fd;
  return Fail(fmt::format("{}: {}", Shown(path), std::strerror(errno)));
}

TextResult<UniqueFd> BindUnixDatagram(const std::string& path) {
  const auto address = AddressOf(path);
  if (!address) return Fail(address.error());
  struct stat there {};
  if (path[0] != '\0' && lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) {
    unlink(path.c_str());
  }
  UniqueFd fd = MakeSocket();
  if (fd.valid() && bind(fd.get(), address->raw(), address->length) == 0) return fd;
  return Fail(fmt::format("{}: {}", Shown(path), std::strerror(errno)));
}

std::optional<UnixDatagram> ReceiveUnixDatagram(int fd) {
  UnixDatagram received;
  received.data.resize(kMostUnixDatagram);
  sockaddr_un from{};
  socklen_t length = sizeof(from);
  const ssize_t size = recvfrom(fd, received.data.data(), received.data.size(), 0,
                                reinterpret_cast<sockaddr*>(&from), &length);
  if (size < 0) return std::nullopt;
  received.data.resize(static_cast<size_t>(size));
  if (length > offsetof(sockaddr_un, sun_path)) {
    received.from.assign(from.sun_path, length - offsetof(sockaddr_un, sun_path));
    const bool abstract = received.from[0] == '\0';
    if (!abstract) received.from.resize(std::strlen(received.from.c_str()));
  }
  return received;
}

bool SendUnixDatagram(int fd, std::string_view data, bool* gone) {
  const ssize_t sent = send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  *gone = sent < 0 && (errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET);
  return sent >= 0 && static_cast<size_t>(sent) == data.size();
}

}  // namespace breakwater
