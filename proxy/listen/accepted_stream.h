// The stream of a connection that was accepted, plain or TLS as its bind says, and what its
// handshake tells. On the worker that serves the connection.
#pragma once

#include <functional>
#include <memory>

#include "proxy/listen/listen_context.h"
#include "proxy/net/stream.h"
#include "proxy/net/tls_stream.h"
#include "proxy/query/connection_info.h"
#include "proxy/query/frontend.h"

namespace breakwater {

struct AcceptedStreamOptions {
  StreamHandler& handler;
  size_t max_held_bytes = 0;
  std::function<TlsPreface(int fd)> preface{};  // of TLS alone: see TlsStreamOptions
};

std::unique_ptr<Stream> MakeAcceptedStream(Loop& loop, UniqueFd fd, const Frontend& frontend,
                                           AcceptedStreamOptions options);

// When a handshake is over: counts the session, for its bind and for its client's limits. Null
// where there is nothing to tell.
std::shared_ptr<ConnectionInfo> NoteHandshake(const Stream& stream, Frontend& frontend,
                                              ListenContext& context,
                                              const ClientLimits::Key& client);

}  // namespace breakwater
