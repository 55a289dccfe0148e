#include "proxy/listen/frontend_sockets.h"

#include "proxy/net/tcp_socket.h"
#include "proxy/net/udp_socket.h"

namespace breakwater {

SocketOptions SocketOptionsOf(const FrontendSettings& settings, const SocketOptions& common) {
  SocketOptions options = common;
  options.interface = settings.interface;
  options.shared_port = settings.reuse_port;
  options.listen_queue = settings.tcp_listen_queue;
  options.fast_open_queue = settings.tcp_fast_open_queue;
  return options;
}

TextResult<std::vector<UniqueFd>> OpenFrontendSockets(const FrontendSettings& settings,
                                                      size_t count, const SocketOptions& common) {
  const SocketOptions options = SocketOptionsOf(settings, common);
  return IsDatagram(settings.protocol) ? OpenUdpGroup(settings.address, count, options)
                                       : OpenTcpGroup(settings.address, count, options);
}

}  // namespace breakwater
