// Datagram sockets in the file system, or in the kernel's abstract names (a path that begins with
// a zero). All are non-blocking and close-on-exec.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

inline constexpr size_t kMostUnixDatagram = 65536;

// Errors say the path.
TextResult<UniqueFd> ConnectUnixDatagram(const std::string& path);
// A socket file of an earlier run is removed first; any other file is an error.
TextResult<UniqueFd> BindUnixDatagram(const std::string& path);

struct UnixDatagram {
  std::string data;
  std::string from;  // the sender's path; empty where it has none
};
// Nothing where none waits.
std::optional<UnixDatagram> ReceiveUnixDatagram(int fd);
// Whether all of it was taken; where nobody listens there any more `gone` is set.
bool SendUnixDatagram(int fd, std::string_view data, bool* gone);

}  // namespace breakwater
