#include "proxy/control/ctl_client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

namespace breakwater {
namespace {

// A server that answers nothing for so long is stuck: every command there is short.
constexpr time_t kTimeoutSeconds = 10;
constexpr size_t kMaxReply = 256 * 1024 * 1024;

std::string_view HintFor(int error) {
  switch (error) {
    case ENOENT:
      return " (is controlUnixSocket() in the configuration, and this its path?)";
    case ECONNREFUSED:
      return " (nobody serves it: is the server running?)";
    case EACCES:
      return " (you are not allowed to: see the mode and the group of the socket)";
    default:
      return "";
  }
}

}  // namespace

TextResult<CtlClient> CtlClient::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Fail(fmt::format("'{}' is no path of a socket", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Fail(
        fmt::format("cannot connect to {}: {}{}", path, std::strerror(errno), HintFor(errno)));
  }
  const timeval limit{.tv_sec = kTimeoutSeconds, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  return CtlClient(std::move(fd));
}

TextResult<nlohmann::json> CtlClient::Request(nlohmann::json request) {
  using nlohmann::json;
  if (!token_.empty()) request["token"] = token_;
  std::string text = request.dump(-1, ' ', false, json::error_handler_t::replace);
  text += '\n';
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t sent = send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Fail(std::string("the connection to the server is lost"));
    left.remove_prefix(static_cast<size_t>(sent));
  }
  const auto line = ReadLine();
  if (!line) return Fail(line.error());
  json reply = json::parse(*line, nullptr, /*allow_exceptions=*/false);
  if (!reply.is_object()) return Fail(std::string("the server's reply is not JSON"));
  return reply;
}

TextResult<std::string> CtlClient::ReadLine() {
  size_t searched = 0;
  while (true) {
    const size_t end = input_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      return line;
    }
    searched = input_.size();
    if (searched > kMaxReply) return Fail(std::string("the server's reply does not end"));
    char chunk[64 * 1024];
    const ssize_t got = recv(fd_.get(), chunk, sizeof(chunk), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      return Fail(fmt::format("the server did not answer within {} seconds", kTimeoutSeconds));
    }
    if (got <= 0) return Fail(std::string("the server closed the connection"));
    input_.append(chunk, static_cast<size_t>(got));
  }
}

}  // namespace breakwater
