// Sockets towards a backend, as newServer's options want them: source address and interface,
// DSCP, connected (datagrams) or ready to connect (streams). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/backend/backend_settings.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

// Whether a system call failed because we lack descriptors or memory: no fault of the backend.
bool IsShortage(int error);

// A non-blocking datagram socket, connected: the kernel lets through only what comes from the
// backend's address and port, and tells ICMP errors. The kernel draws its port at random.
// kLimit: IsShortage; else kIo. Both are logged.
Result<UniqueFd> OpenConnectedUdp(const BackendSettings& settings);

// A non-blocking stream socket that is not yet connected. Errors as above.
Result<UniqueFd> OpenStream(const BackendSettings& settings);

// How many UDP sockets a worker opens towards each backend, for a configured number: at least 8,
// so that ports are hard to guess, less where all together would take more than a quarter of the
// descriptors that the process may have; never none.
struct SocketShare {
  size_t workers = 1;
  size_t backends = 1;
  size_t descriptor_limit = 1024;
};
size_t SocketsPerBackend(size_t configured, const SocketShare& share);

}  // namespace breakwater
