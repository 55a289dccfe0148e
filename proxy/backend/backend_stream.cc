#include "proxy/backend/backend_stream.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "proxy/backend/backend_socket.h"
#include "proxy/base/log.h"
#include "proxy/net/descriptors.h"
#include "proxy/net/doh_stream.h"
#include "proxy/net/tcp_stream.h"
#include "proxy/net/tls_stream.h"

namespace breakwater {

Result<std::unique_ptr<Stream>> OpenBackendStream(Loop& loop, const BackendPtr& backend,
                                                  StreamHandler& handler, StreamUse use) {
  auto fd = OpenStream(backend->settings());
  if (!fd) return Fail(fd.error());
  if (use == StreamUse::kQueries && IsKeptFromBackends(fd->get())) return Fail(Error::kLimit);
  const Address& to = backend->address();
  if (connect(fd->get(), to.sockaddr_ptr(), to.sockaddr_length()) != 0 && errno != EINPROGRESS) {
    if (IsShortage(errno)) return Fail(Error::kLimit);
    return Fail(errno == ECONNREFUSED ? Error::kClosed : Error::kIo);
  }
  if (backend->tls() == nullptr) {
    return std::make_unique<TcpStream>(loop, std::move(*fd), handler,
                                       TcpStreamOptions{.connecting = true});
  }
  const auto secured = [&](StreamHandler& above) {
    return std::make_unique<TlsStream>(
        loop, TlsSocket{std::move(*fd), backend->tls()->NewSession()}, above,
        TlsStreamOptions{.role = TlsStreamOptions::Role::kClient, .connecting = true});
  };
  const BackendSettings& settings = backend->settings();
  if (settings.doh_path.empty()) return secured(handler);
  const std::string& name = settings.tls->subject_name;
  auto doh = std::make_unique<DohStream>(
      loop, handler,
      DohStreamOptions{.authority = name.empty() ? to.ToStringWithPort() : name,
                       .path = settings.doh_path});
  doh->Carry(secured(doh->below()));
  return doh;
}

void NoteBackendOpen(Backend& backend, const Stream& stream) {
  const TlsFacts* facts = stream.tls();
  if (facts == nullptr) return;
  if (facts->resumed) backend.counters().tls_resumptions.Add();
  backend.SetTlsFailure({});
}

void NoteBackendBroken(Backend& backend, const Stream& stream) {
  if (stream.failure().empty()) return;
  if (!backend.SetTlsFailure(std::string(stream.failure()))) return;
  LogWarning("backend", "{}: TLS failed: {}", backend.NameWithAddress(), stream.failure());
}

}  // namespace breakwater
