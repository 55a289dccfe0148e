#include "proxy/net/tcp_socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "proxy/base/log.h"
#include "proxy/net/socket_group.h"

namespace breakwater {
namespace {

void SetFastOpenKey(int fd, const Address& address, const std::array<uint32_t, 4>& key) {
  if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key.data(), sizeof(key)) == 0) return;
  LogWarning("listen", "{}: cannot set TCP_FASTOPEN_KEY: {}; the kernel's own key is used",
             address.ToStringWithPort(), std::strerror(errno));
}

TextResult<UniqueFd> OpenOne(const Address& address, const SocketOptions& options) {
  auto fd = OpenBoundSocket(SocketKind::kTcp, address, options);
  if (!fd) return fd;
  if (options.fast_open_queue > 0) {
    const auto set = SetSocketOption(
        fd->get(), {IPPROTO_TCP, TCP_FASTOPEN, options.fast_open_queue, "TCP_FASTOPEN"});
    // Speed only: without it clients open as usual.
    if (!set) LogWarning("listen", "{}: {}", address.ToStringWithPort(), set.error());
  }
  if (options.fast_open_key) SetFastOpenKey(fd->get(), address, *options.fast_open_key);
  const int queue = options.listen_queue > 0 ? options.listen_queue : SOMAXCONN;
  if (listen(fd->get(), queue) != 0) {
    return Fail(fmt::format("cannot listen on TCP {}: {}; another program may have taken the port",
                            address.ToStringWithPort(), std::strerror(errno)));
  }
  return fd;
}

}  // namespace

TextResult<std::vector<UniqueFd>> OpenTcpGroup(const Address& address, size_t members,
                                               const SocketOptions& options) {
  return OpenSocketGroup({SocketKind::kTcp, address, members, options}, OpenOne);
}

Accepted AcceptConnection(int listener) {
  sockaddr_storage storage{};
  for (;;) {
    socklen_t length = sizeof(storage);
    UniqueFd fd(accept4(listener, reinterpret_cast<sockaddr*>(&storage), &length,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      const int on = 1;
      (void)setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      return {std::move(fd),
              Address::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length), 0};
    }
    // A client that gave up while it waited is no reason to stop accepting.
    if (errno == EINTR || errno == ECONNABORTED) continue;
    return {UniqueFd(), Address(), errno};
  }
}

}  // namespace breakwater
