// What every socket of ours is given after it was made, and the sentences for when that fails.
// Start-up and reload only: the control or main thread, or a worker that opens a socket.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

// Options of a listening socket, datagram or stream.
struct SocketOptions {
  std::string interface {};     // SO_BINDTODEVICE; empty: any
  bool shared_port = false;     // reusePort=true: others may be bound to the address too
  uint32_t receive_buffer = 0;  // bytes, datagrams only; 0: the system's maximum
  uint32_t send_buffer = 0;
  int listen_queue = 0;     // streams only; 0: SOMAXCONN
  int fast_open_queue = 0;  // streams only; 0: no TCP fast open
  // Streams only; the key of the cookies, so that those of another host of the address count.
  std::optional<std::array<uint32_t, 4>> fast_open_key = std::nullopt;
};

enum class SocketKind : uint8_t { kUdp, kTcp };

// A non-blocking, close-on-exec socket bound to `address`, which no interface need have yet, with
// SO_REUSEPORT and the options that both kinds have. The error names the address and what to do.
TextResult<UniqueFd> OpenBoundSocket(SocketKind kind, const Address& address,
                                     const SocketOptions& options);
// Binds once without SO_REUSEPORT, so that another owner of the port is an error instead of a
// silent sharer of our queries.
TextResult<void> CheckPortIsFree(SocketKind kind, const Address& address,
                                 const SocketOptions& options);

// Sets an integer option; the error is "cannot set WHAT: reason".
struct SocketOption {
  int level;
  int name;
  int value;
  std::string_view what;
};
TextResult<void> SetSocketOption(int fd, const SocketOption& option);

// The address a socket is bound to (the port, where port 0 was asked for). Unset on failure.
Address LocalAddressOf(int fd);

}  // namespace breakwater
