// Datagrams to and from other programs on the host.
#include "lua/lua_function.h"
#include "lua/network_objects.h"
#include "lua/script_threads.h"
#include "proxy/base/log.h"

namespace breakwater::lua {

bool NetworkEndpoint::Send(std::string_view data) {
  if (data.empty()) return false;
  bool gone = !fd_.valid();
  if (!gone && SendUnixDatagram(fd_.get(), data, &gone)) return true;
  if (!gone) return false;
  auto again = ConnectUnixDatagram(path_);
  if (!again) return false;
  fd_ = std::move(*again);
  return SendUnixDatagram(fd_.get(), data, &gone);
}

namespace {

// Nil where nobody is there: a script may go on without.
std::shared_ptr<NetworkEndpoint> NewEndpoint(Call& call, const std::string& path) {
  auto fd = ConnectUnixDatagram(path);
  if (fd) return std::make_shared<NetworkEndpoint>(path, std::move(*fd));
  LogWarning("lua", "{}newNetworkEndpoint: {}", call.Where(), fd.error());
  return nullptr;
}
bool IsValid(const NetworkEndpoint& endpoint) {
  return endpoint.valid();
}
bool Send(NetworkEndpoint& endpoint, std::string_view data) {
  return endpoint.Send(data);
}

std::shared_ptr<NetworkListener> NewListener() {
  return std::make_shared<NetworkListener>();
}
TextResult<bool> AddSource(Call& call, NetworkListener& listener, const std::string& path,
                           uint16_t id, const LuaFunction& callback) {
  if (listener.started) return Fail(std::string("it was started: add what it listens to before"));
  if (call.runtime().options().check || call.runtime().options().client) return true;
  auto fd = BindUnixDatagram(path);
  if (!fd) return Fail(fd.error());
  listener.sources.push_back({id, std::move(*fd), callback});
  return true;
}
TextResult<void> Start(Call& call, NetworkListener& listener) {
  if (listener.started) return Fail(std::string("it was started before"));
  if (auto added = call.runtime().threads().Listen(std::move(listener.sources)); !added) {
    return added;
  }
  listener.started = true;
  return {};
}

constexpr FunctionRow kFunctions[] = {
    {"newNetworkEndpoint", Bind<&NewEndpoint>, "newNetworkEndpoint(path) -> NetworkEndpoint",
     "For datagrams to a Unix socket; nil where that is not there. A path that begins with a zero "
     "is an abstract name."},
    {"newNetworkListener", Bind<&NewListener>, "newNetworkListener() -> NetworkListener",
     "Receives datagrams of Unix sockets, in a thread."},
};
constexpr FunctionRow kEndpointMethods[] = {
    {"isValid", Bind<&IsValid>, "NetworkEndpoint:isValid() -> bool", "Whether it can send.",
     Scope::kAnywhere},
    {"send", Bind<&Send>, "NetworkEndpoint:send(data) -> bool",
     "Sends without waiting; whether all of it was taken.", Scope::kAnywhere},
};
constexpr FunctionRow kListenerMethods[] = {
    {"addUnixListeningEndpoint", Bind<&AddSource>,
     "NetworkListener:addUnixListeningEndpoint(path, id, callback) -> bool",
     "Makes the socket; function(id, data, from) gets what comes, in the main interpreter."},
    {"start", Bind<&Start>, "NetworkListener:start()", "Begins, once the proxy runs."},
};
const ClassRow kEndpointClass = {"NetworkEndpoint", kEndpointMethods, {},      nullptr,
                                 nullptr,           nullptr,          nullptr, "A Unix socket."};
const ClassRow kListenerClass = {
    "NetworkListener", kListenerMethods, {},      nullptr,
    nullptr,           nullptr,          nullptr, "What comes to Unix sockets.",
};

}  // namespace

FunctionPage NetworkFunctions() {
  return kFunctions;
}
const ClassRow& NetworkEndpointClass() {
  return kEndpointClass;
}
const ClassRow& NetworkListenerClass() {
  return kListenerClass;
}

}  // namespace breakwater::lua
