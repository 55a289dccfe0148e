#include "proxy/net/udp_socket.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "proxy/base/log.h"
#include "proxy/net/socket_group.h"

namespace breakwater {
namespace {

// Raises a buffer to `wanted` bytes (0: as far as the system allows).
void RaiseBuffer(int fd, int option, uint32_t wanted) {
  int now = 0;
  socklen_t length = sizeof(now);
  getsockopt(fd, SOL_SOCKET, option, &now, &length);
  // The kernel doubles what it is given and cuts it at its maximum (net.core.[rw]mem_max).
  const uint32_t most = std::numeric_limits<int>::max() / 2;
  const int value = static_cast<int>(wanted == 0 ? most : std::min(wanted, most));
  if (now / 2 >= value) return;
  const int forced = option == SO_RCVBUF ? SO_RCVBUFFORCE : SO_SNDBUFFORCE;
  const bool done = wanted != 0 && setsockopt(fd, SOL_SOCKET, forced, &value, sizeof(value)) == 0;
  if (!done) setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
  length = sizeof(now);
  getsockopt(fd, SOL_SOCKET, option, &now, &length);
  if (wanted != 0 && now / 2 < value) {
    LogWarning("listen", "a socket buffer of {} bytes was asked for, the system gives {}: raise {}",
               wanted, now / 2, option == SO_RCVBUF ? "net.core.rmem_max" : "net.core.wmem_max");
  }
}

// Datagrams leave with DF clear and the interface's MTU: a forged "fragmentation needed" must not
// shrink what we send.
TextResult<void> IgnorePathMtu(int fd, const Address& address) {
  if (address.IsV6()) {
    return SetSocketOption(
        fd, {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT, "IPV6_MTU_DISCOVER"});
  }
  return SetSocketOption(fd, {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT, "IP_MTU_DISCOVER"});
}

TextResult<void> AskForLocalAddress(int fd, const Address& address) {
  if (!address.IsWildcard()) return {};
  if (address.IsV6()) {
    return SetSocketOption(fd, {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO"});
  }
  return SetSocketOption(fd, {IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO"});
}

TextResult<UniqueFd> OpenOne(const Address& address, const SocketOptions& options) {
  auto fd = OpenBoundSocket(SocketKind::kUdp, address, options);
  if (!fd) return fd;
  if (const auto set = IgnorePathMtu(fd->get(), address); !set) return Fail(set.error());
  if (const auto set = AskForLocalAddress(fd->get(), address); !set) return Fail(set.error());
  RaiseBuffer(fd->get(), SO_RCVBUF, options.receive_buffer);
  RaiseBuffer(fd->get(), SO_SNDBUF, options.send_buffer);
  return fd;
}

}  // namespace

TextResult<std::vector<UniqueFd>> OpenUdpGroup(const Address& address, size_t members,
                                               const SocketOptions& options) {
  auto fds = OpenSocketGroup({SocketKind::kUdp, address, members, options}, OpenOne);
  if (fds && members > 1) {
    const auto spread = SpreadAtRandom(fds->front().get(), members);
    if (!spread) {
      // Old kernels and sandboxes: the kernel's hash still spreads over clients.
      LogWarning("listen", "{}: {}; queries are spread by the kernel's hash",
                 LocalAddressOf(fds->front().get()).ToStringWithPort(), spread.error());
    }
  }
  return fds;
}

TextResult<void> SpreadAtRandom(int fd, size_t members) {
  std::array<sock_filter, 3> program = {{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)},
      {BPF_ALU | BPF_MOD | BPF_K, 0, 0, static_cast<uint32_t>(members)},
      {BPF_RET | BPF_A, 0, 0, 0},
  }};
  const sock_fprog filter{static_cast<uint16_t>(program.size()), program.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof(filter)) == 0) return {};
  return Fail(fmt::format("cannot spread queries at random: {}", std::strerror(errno)));
}

}  // namespace breakwater
