// A connection to a backend as a Stream, TCP, TLS or HTTPS as its settings say. On the thread of
// `loop`.
#pragma once

#include <memory>

#include "proxy/backend/backend.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace breakwater {

// Begins to connect; OnConnected tells when the connection, and its TLS, are open. `handler` must
// outlive the stream. kClosed: refused; kLimit: no descriptor may be taken; kIo: logged.
enum class StreamUse : uint8_t {
  kQueries,
  kHealthCheck
};  // the latter may use the last descriptors
Result<std::unique_ptr<Stream>> OpenBackendStream(Loop& loop, const BackendPtr& backend,
                                                  StreamHandler& handler, StreamUse use);

// What is known once it is open: a session came back to, and TLS that is good again.
void NoteBackendOpen(Backend& backend, const Stream& stream);
// After OnBroken: keeps and logs why TLS failed, where it did.
void NoteBackendBroken(Backend& backend, const Stream& stream);

}  // namespace breakwater
