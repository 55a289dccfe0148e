#include "proxy/listen/accepted_stream.h"

#include <utility>

#include "proxy/net/tcp_stream.h"

namespace breakwater {

std::unique_ptr<Stream> MakeAcceptedStream(Loop& loop, UniqueFd fd, const Frontend& frontend,
                                           AcceptedStreamOptions options) {
  if (frontend.tls == nullptr) {
    return std::make_unique<TcpStream>(loop, std::move(fd), options.handler,
                                       TcpStreamOptions{.max_held_bytes = options.max_held_bytes});
  }
  return std::make_unique<TlsStream>(loop, TlsSocket{std::move(fd), frontend.tls->NewSession()},
                                     options.handler,
                                     TlsStreamOptions{.max_held_bytes = options.max_held_bytes,
                                                      .counters = &frontend.tls->counters(),
                                                      .preface = std::move(options.preface)});
}

std::shared_ptr<ConnectionInfo> NoteHandshake(const Stream& stream, Frontend& frontend,
                                              ListenContext& context,
                                              const ClientLimits::Key& client) {
  const TlsFacts* facts = stream.tls();
  if (facts == nullptr) return nullptr;
  TlsCounters& counters = frontend.tls->counters();
  (facts->resumed ? counters.resumed_sessions : counters.new_sessions).Add();
  context.limits.CountTlsSession(
      client, facts->resumed ? ClientLimits::TlsSession::kResumed : ClientLimits::TlsSession::kNew,
      context.loop.now());
  auto info = std::make_shared<ConnectionInfo>();
  info->server_name = facts->server_name;
  info->tls_version = facts->version;
  return info;
}

}  // namespace breakwater
