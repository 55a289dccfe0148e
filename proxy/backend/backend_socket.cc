#include "proxy/backend/backend_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "proxy/base/left_out.h"
#include "proxy/base/log.h"

namespace breakwater {
namespace {

constexpr size_t kLeastSockets = 8;

LogLimiter& Limiter() {
  static LogLimiter limiter;
  return limiter;
}

tl::unexpected<Error> Complain(const BackendSettings& settings, const char* what) {
  const int error = errno;
  uint64_t suppressed = 0;
  // Not by a Clock: without a free descriptor UBSan takes its virtual call for a bad one.
  const MonoTime now{
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count()};
  if (Limiter().Allow(now, &suppressed)) {
    LogWarning("backend", "cannot {} for backend {}: {}{}", what,
               settings.address.ToStringWithPort(), std::strerror(error), LeftOut(suppressed));
  }
  return Fail(IsShortage(error) ? Error::kLimit : Error::kIo);
}

bool SetInt(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// The upper six bits; the kernel keeps the two of ECN to itself on streams.
bool SetDscp(int fd, const BackendSettings& settings) {
  if (settings.dscp == 0 || settings.dscp > 63) return true;
  const int value = settings.dscp << 2;
  return settings.address.IsV6() ? SetInt(fd, IPPROTO_IPV6, IPV6_TCLASS, value)
                                 : SetInt(fd, IPPROTO_IP, IP_TOS, value);
}

Result<UniqueFd> Open(const BackendSettings& settings, int type) {
  UniqueFd fd(socket(settings.address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Complain(settings, "open a socket");
  const std::string& interface = settings.source_interface;
  if (!interface.empty() && setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                                       static_cast<socklen_t>(interface.size())) != 0) {
    return Complain(settings, "bind to the source interface");
  }
  if (!SetDscp(fd.get(), settings)) return Complain(settings, "set DSCP");
  if (settings.source.IsSet()) {
    // Without it each connection would hold a port of its own, whatever its destination.
    if (settings.ip_bind_addr_no_port && type == SOCK_STREAM) {
      SetInt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    }
    if (bind(fd.get(), settings.source.sockaddr_ptr(), settings.source.sockaddr_length()) != 0) {
      return Complain(settings, "bind to the source address");
    }
  }
  return fd;
}

// What came in between bind and connect may be from anyone.
void DiscardReceived(int fd) {
  std::array<uint8_t, 64> sink{};
  while (recv(fd, sink.data(), sink.size(), 0) >= 0 || errno == EINTR) {
  }
}

}  // namespace

bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

Result<UniqueFd> OpenConnectedUdp(const BackendSettings& settings) {
  Result<UniqueFd> fd = Open(settings, SOCK_DGRAM);
  if (!fd) return fd;
  // A forged "fragmentation needed" must not make our datagrams smaller, nor fail.
  if (settings.address.IsV6()) {
    SetInt(fd->get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
  } else {
    SetInt(fd->get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  }
  const Address& to = settings.address;
  if (connect(fd->get(), to.sockaddr_ptr(), to.sockaddr_length()) != 0) {
    return Complain(settings, "connect a datagram socket");
  }
  if (settings.source.IsSet()) DiscardReceived(fd->get());
  return fd;
}

Result<UniqueFd> OpenStream(const BackendSettings& settings) {
  Result<UniqueFd> fd = Open(settings, SOCK_STREAM);
  if (!fd) return fd;
  SetInt(fd->get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (settings.tcp_fast_open) SetInt(fd->get(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
  return fd;
}

size_t SocketsPerBackend(size_t configured, const SocketShare& share) {
  const size_t wanted = std::max(configured, kLeastSockets);
  const size_t users = std::max<size_t>(share.workers * share.backends, 1);
  return std::max<size_t>(std::min(wanted, share.descriptor_limit / 4 / users), 1);
}

}  // namespace breakwater
