#include "proxy/web/web_server.h"

#include <fmt/format.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/base/unique_fd.h"
#include "proxy/web/web_handler.h"

namespace breakwater {
namespace {

constexpr unsigned kTimeoutSeconds = 10;         // idle: slow headers, slow readers
constexpr size_t kConnectionMemory = 32 * 1024;  // headers and query, in all
constexpr size_t kMaxBody = 256 * 1024;          // an access list of many thousand networks
constexpr unsigned kHardConnectionLimit = 2048;  // setWebserverConfig's is below

// Of one request, while its body arrives.
struct RequestState {
  std::string body;
};

MHD_Result AddArgument(void* out, MHD_ValueKind, const char* key, const char* value) {
  static_cast<WebRequest*>(out)->arguments.emplace_back(key, value != nullptr ? value : "");
  return MHD_YES;
}

MHD_Result AddHeader(void* out, MHD_ValueKind, const char* key, const char* value) {
  static_cast<WebRequest*>(out)->headers.emplace_back(ToLowerAscii(key),
                                                      value != nullptr ? value : "");
  return MHD_YES;
}

MHD_Result Send(MHD_Connection* connection, const WebResponse& answer) {
  MHD_Response* response = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  if (!answer.content_type.empty()) {
    MHD_add_response_header(response, "Content-Type", answer.content_type.c_str());
  }
  for (const auto& [name, value] : answer.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
  MHD_add_response_header(response, "Connection", "close");
  const MHD_Result sent = MHD_queue_response(connection, answer.status, response);
  MHD_destroy_response(response);
  return sent;
}

}  // namespace

struct WebServer::Impl {
  Impl(ControlTarget& t, CommandRunner& runner, const ServerRates& rates)
      : target(t), handler(t, runner, rates) {}
  ~Impl() {
    if (daemon != nullptr) MHD_stop_daemon(daemon);
  }

  // Closing without a word is what dnsdist does outside the list and above the limit.
  static MHD_Result OnAccept(void* self, const sockaddr* peer, socklen_t length) {
    auto* impl = static_cast<Impl*>(self);
    const Address address = Address::FromSockaddr(peer, length);
    const ConfigPtr config = impl->target.CurrentConfig();
    uint64_t suppressed = 0;
    const bool log = impl->limiter.Allow(impl->target.clock().Now(), &suppressed);
    if (!config->web.acl.Matches(address)) {
      if (log)
        LogWarning("webserver", "connection from {} refused by the access list",
                   address.ToStringWithPort());
      return MHD_NO;
    }
    const uint32_t limit = config->web.max_concurrent_connections;
    if (limit > 0 && impl->open.load() >= limit) {
      if (log)
        LogWarning("webserver", "connection from {} refused, there are {} already",
                   address.ToStringWithPort(), limit);
      return MHD_NO;
    }
    return MHD_YES;
  }

  static void OnConnection(void* self, MHD_Connection*, void**,
                           MHD_ConnectionNotificationCode code) {
    auto* impl = static_cast<Impl*>(self);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) ++impl->open;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) --impl->open;
  }

  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url,
                              const char* method, const char* version, const char* data,
                              size_t* upload, void** state) {
    if (*state == nullptr) {
      *state = new RequestState;  // freed in OnCompleted
      return MHD_YES;
    }
    std::string& body = static_cast<RequestState*>(*state)->body;
    if (*upload > 0) {
      if (body.size() + *upload > kMaxBody) return MHD_NO;
      body.append(data, *upload);
      *upload = 0;
      return MHD_YES;
    }
    WebRequest request;
    request.body = std::move(body);
    request.method = method;
    request.path = url;
    request.version = std::string_view(version) == "HTTP/1.0" ? 10 : 11;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &AddArgument, &request);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, &AddHeader, &request);
    return Send(connection, static_cast<Impl*>(self)->handler.Handle(request));
  }

  static void OnCompleted(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<RequestState*>(*state);
    *state = nullptr;
  }

  ControlTarget& target;
  WebHandler handler;
  LogLimiter limiter;
  std::atomic<uint32_t> open{0};
  MHD_Daemon* daemon = nullptr;
};

WebServer::WebServer(ControlTarget& target, CommandRunner& runner, const ServerRates& rates)
    : impl_(std::make_unique<Impl>(target, runner, rates)) {}
WebServer::~WebServer() = default;

TextResult<void> WebServer::Start(const Address& address) {
  const auto failure = [&](std::string_view what) {
    return Fail(fmt::format("web server on {}: {}: {}", address.ToStringWithPort(), what,
                            std::strerror(errno)));
  };
  UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return failure("cannot make a socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd.get(), address.sockaddr_ptr(), address.sockaddr_length()) != 0) {
    return failure("cannot bind");
  }
  if (listen(fd.get(), SOMAXCONN) != 0) return failure("cannot listen");
  impl_->daemon = MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, &Impl::OnAccept, impl_.get(),
      &Impl::OnRequest, impl_.get(), MHD_OPTION_LISTEN_SOCKET, fd.get(),
      MHD_OPTION_CONNECTION_TIMEOUT, kTimeoutSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kConnectionMemory, MHD_OPTION_CONNECTION_LIMIT, kHardConnectionLimit,
      MHD_OPTION_NOTIFY_COMPLETED, &Impl::OnCompleted, impl_.get(), MHD_OPTION_NOTIFY_CONNECTION,
      &Impl::OnConnection, impl_.get(), MHD_OPTION_END);
  if (impl_->daemon == nullptr) return failure("cannot start");
  (void)fd.Release();  // the daemon closes it
  return {};
}

Address WebServer::address() const {
  Address address;
  if (impl_->daemon == nullptr) return address;
  const auto* info = MHD_get_daemon_info(impl_->daemon, MHD_DAEMON_INFO_LISTEN_FD);
  socklen_t size = Address::kCapacity;
  if (info != nullptr) getsockname(info->listen_fd, address.mutable_sockaddr(), &size);
  return address;
}

}  // namespace breakwater
