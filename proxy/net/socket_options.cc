#include "proxy/net/socket_options.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

std::string_view KindText(SocketKind kind) {
  return kind == SocketKind::kUdp ? "UDP" : "TCP";
}

std::string BindAdvice(SocketKind kind, int error) {
  switch (error) {
    case EADDRINUSE:
      return fmt::format(
          "another program or another line has this port: stop it ('ss -{}lnp' shows it), use "
          "another port, or say reusePort=true where sharing is intended",
          kind == SocketKind::kUdp ? 'u' : 't');
    case EACCES:
    case EPERM:
      return "start as root or give the program CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
      return "no interface of this machine has the address: check 'ip address'";
    case EAFNOSUPPORT:
      return "the system has this address family switched off";
    case EMFILE:
    case ENFILE:
      return "the limit of open files is reached: raise it ('ulimit -n', LimitNOFILE=)";
    default:
      return "check the address and the interface";
  }
}

std::string BindError(SocketKind kind, const Address& address, int error) {
  return fmt::format("cannot listen on {} {}: {}; {}", KindText(kind), address.ToStringWithPort(),
                     std::strerror(error), BindAdvice(kind, error));
}

TextResult<UniqueFd> MakeSocket(SocketKind kind, const Address& address,
                                const SocketOptions& options) {
  const int type = kind == SocketKind::kUdp ? SOCK_DGRAM : SOCK_STREAM;
  UniqueFd fd(socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Fail(BindError(kind, address, errno));
  // [::] must not take IPv4's queries: an IPv4 bind of the same port stands beside it.
  if (address.IsV6()) {
    const auto set = SetSocketOption(fd.get(), {IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"});
    if (!set) return Fail(set.error());
  }
  if (!options.interface.empty() &&
      setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, options.interface.c_str(),
                 static_cast<socklen_t>(options.interface.size() + 1)) != 0) {
    return Fail(fmt::format(
        "cannot listen on {} {} on interface '{}': {}; check the name with "
        "'ip link'",
        KindText(kind), address.ToStringWithPort(), options.interface, std::strerror(errno)));
  }
  // A stream's old connections in TIME_WAIT must not keep a restart from its port. On datagram
  // sockets the option would mean sharing.
  if (kind == SocketKind::kTcp) {
    const auto set = SetSocketOption(fd.get(), {SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"});
    if (!set) return Fail(set.error());
  }
  return fd;
}

enum class Bound : uint8_t { kYes, kAhead, kNo };

// kAhead: no interface has the address yet. It may come later: of the standby of a pair that shares
// it, or a service address that is announced once all is well. kNo: errno tells.
Bound Bind(int fd, const Address& address) {
  const auto bound = [&] {
    return bind(fd, address.sockaddr_ptr(), address.sockaddr_length()) == 0;
  };
  if (bound()) return Bound::kYes;
  if (errno != EADDRNOTAVAIL) return Bound::kNo;
  const int level = address.IsV6() ? IPPROTO_IPV6 : IPPROTO_IP;
  const int option = address.IsV6() ? IPV6_FREEBIND : IP_FREEBIND;
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof(on));
  return bound() ? Bound::kAhead : Bound::kNo;
}

}  // namespace

TextResult<void> SetSocketOption(int fd, const SocketOption& option) {
  if (setsockopt(fd, option.level, option.name, &option.value, sizeof(option.value)) == 0) {
    return {};
  }
  return Fail(fmt::format("cannot set {}: {}", option.what, std::strerror(errno)));
}

TextResult<UniqueFd> OpenBoundSocket(SocketKind kind, const Address& address,
                                     const SocketOptions& options) {
  auto fd = MakeSocket(kind, address, options);
  if (!fd) return fd;
  const auto set = SetSocketOption(fd->get(), {SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"});
  if (!set) return Fail(set.error());
  if (Bind(fd->get(), address) == Bound::kNo) return Fail(BindError(kind, address, errno));
  return fd;
}

TextResult<void> CheckPortIsFree(SocketKind kind, const Address& address,
                                 const SocketOptions& options) {
  const auto fd = MakeSocket(kind, address, options);
  if (!fd) return Fail(fd.error());
  const Bound bound = Bind(fd->get(), address);
  if (bound == Bound::kNo) return Fail(BindError(kind, address, errno));
  if (bound == Bound::kAhead) {
    LogWarning("listen",
               "no interface has the address of {} {} yet: queries are served once one has it; "
               "check 'ip address' if it should be there",
               KindText(kind), address.ToStringWithPort());
  }
  return {};
}

Address LocalAddressOf(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return Address();
  return Address::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length);
}

}  // namespace breakwater
