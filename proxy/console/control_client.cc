#include "proxy/console/control_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <ostream>
#include <sstream>

#include "proxy/console/line_editor.h"

namespace breakwater {
namespace {

TextResult<UniqueFd> OpenConnection(const ControlClientSettings& settings) {
  const Address& server = settings.server;
  const auto failure = [&](int error) {
    return Fail(fmt::format("cannot connect to the console at {}: {}", server.ToStringWithPort(),
                            std::strerror(error)));
  };
  UniqueFd fd(socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return failure(errno);
  if (connect(fd.get(), server.sockaddr_ptr(), server.sockaddr_length()) != 0) {
    if (errno != EINPROGRESS) return failure(errno);
    pollfd wait{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    if (poll(&wait, 1, static_cast<int>(settings.connect_timeout_ms)) != 1) {
      return failure(ETIMEDOUT);
    }
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return failure(error);
  }
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool ReadAll(int fd, std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = recv(fd, out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out = out.subspan(static_cast<size_t>(got));
  }
  return true;
}

}  // namespace

TextResult<ControlClient> ControlClient::Connect(const ControlClientSettings& settings) {
  if (settings.key.empty()) {
    return Fail(std::string("the console needs a key: setKey() in the configuration, or --setkey"));
  }
  auto fd = OpenConnection(settings);
  if (!fd) return Fail(fd.error());
  const ConsoleNonce ours = RandomConsoleNonce();
  ConsoleNonce theirs{};
  if (!SendAll(fd->get(), {reinterpret_cast<const char*>(ours.data()), ours.size()}) ||
      !ReadAll(fd->get(), theirs)) {
    return Fail(
        std::string("the server closed the connection: it has no key, or this address is "
                    "not on its console access list"));
  }
  auto cipher = ControlCipher::Make(settings.key, ours, theirs);
  if (!cipher) return Fail(cipher.error());
  ControlClient client(std::move(*fd), *cipher, settings.max_reply);
  if (!client.Execute("")) {
    return Fail(std::string(
        "the server closed the connection after the first message: its key is another one"));
  }
  return client;
}

TextResult<std::string> ControlClient::Execute(std::string_view command) {
  if (!SendAll(fd_.get(), cipher_.Seal(command))) {
    return Fail(std::string("the connection to the server is lost"));
  }
  std::array<uint8_t, kConsoleLengthSize> length{};
  if (!ReadAll(fd_.get(), length)) {
    return Fail(std::string("the server closed the connection"));
  }
  const uint32_t size = ControlCipher::BoxSize(length);
  if (size == 0) return std::string();
  if (size > max_reply_) {
    return Fail(
        fmt::format("the answer has {} bytes, more than the {} allowed by "
                    "setConsoleOutputMaxMsgSize()",
                    size, max_reply_));
  }
  std::vector<uint8_t> box(size);
  if (!ReadAll(fd_.get(), box)) {
    return Fail(std::string("the server closed the connection"));
  }
  auto text = cipher_.Open(box);
  if (!text) return Fail(std::string("the answer does not decrypt: the key is another one"));
  return std::move(*text);
}

std::vector<std::string> ControlClient::Names() {
  // Plain Lua, so that dnsdist answers it as well.
  constexpr std::string_view kListNames =
      "do local t = {} for k, v in pairs(_G) do if type(k) == 'string' then "
      "t[#t + 1] = k .. (type(v) == 'function' and '(' or '') end end "
      "return table.concat(t, ' ') end";
  std::vector<std::string> names;
  const auto text = Execute(kListNames);
  if (!text || text->starts_with("Error")) return names;
  std::istringstream words(*text);
  for (std::string word; words >> word;) names.push_back(word);
  return names;
}

int RunConsoleCommand(const ControlClientSettings& settings, std::string_view command,
                      std::ostream& out, std::ostream& err) {
  auto client = ControlClient::Connect(settings);
  if (!client) {
    err << client.error() << std::endl;
    return 1;
  }
  const auto reply = client->Execute(command);
  if (!reply) {
    err << reply.error() << std::endl;
    return 1;
  }
  out << *reply << std::flush;
  return 0;
}

int RunConsoleClient(const ControlClientSettings& settings, std::ostream& out, std::ostream& err) {
  auto client = ControlClient::Connect(settings);
  if (!client) {
    err << client.error() << std::endl;
    return 1;
  }
  LineEditor editor(
      {.history_path = DefaultHistoryPath(),
       .names = LineEditor::IsTerminal() ? client->Names() : std::vector<std::string>{}});
  while (const auto line = editor.Read("> ")) {
    if (*line == "quit") break;
    if (line->empty()) continue;
    const auto reply = client->Execute(*line);
    if (!reply) {
      err << reply.error() << std::endl;
      return 1;
    }
    out << *reply << std::flush;
  }
  return 0;
}

}  // namespace breakwater
