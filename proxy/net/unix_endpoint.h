// A Unix datagram socket that sends to one other: what scripts tell programs on the same host.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

class UnixEndpoint {
 public:
  // Of the socket at `path`; a path that begins with a zero octet is an abstract name. An error
  // says why nobody is reached there.
  static TextResult<UnixEndpoint> Connect(const std::string& path);

  // Whether all of it was sent; never waits. False for no bytes, for a queue that is full, and once
  // the other side has gone. Any thread.
  bool Send(std::span<const uint8_t> bytes) const;

 private:
  explicit UnixEndpoint(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace breakwater
