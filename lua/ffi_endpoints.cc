// Functions of ffi.C that send datagrams to programs on the same host.
#include "lua/ffi_objects.h"
#include "lua/lua_state.h"
#include "lua/network_objects.h"
#include "lua/runtime.h"

namespace breakwater::lua {
namespace {

constexpr FfiKind kKind{
    "an endpoint", [](void* object) { static_cast<NetworkEndpoint*>(object)->~NetworkEndpoint(); }};

// Opening one for each query would take all descriptors there are.
bool AnswersQuery(FfiCall& call) {
  Runtime* const runtime = LuaState::RuntimeOf(call.state());
  return call.running() || (runtime != nullptr && runtime->place() == Place::kPacket);
}

// (path, size [, place])
int New(FfiCall& call) {
  const std::string path(call.Text(1, 2));
  if (!call.ok()) return 0;
  if (AnswersQuery(call)) {
    return call.Fail("not while a query is answered: open it once, where the script is read");
  }
  auto fd = ConnectUnixDatagram(path);
  if (!fd) {
    LogError("lua", "network endpoint: {}", fd.error());
    return call.Give(false);
  }
  lua_settop(call.state(), 3);
  new (NewFfiObject(call.state(), kKind, sizeof(NetworkEndpoint)))
      NetworkEndpoint(path, std::move(*fd));
  lua_pushvalue(call.state(), -1);
  call.Store(3);
  call.Give(true);
  lua_pushvalue(call.state(), -2);
  return 2;
}
int IsValid(FfiCall& call) {
  if (!call.Given(1)) return call.Give(false);
  return FfiObjectAt(call, 1, kKind) == nullptr ? 0 : call.Give(true);
}
int Send(FfiCall& call) {
  auto* const endpoint = static_cast<NetworkEndpoint*>(FfiObjectAt(call, 1, kKind));
  const std::string_view bytes = call.Text(2, 3);
  return call.ok() ? call.Give(endpoint->Send(bytes)) : 0;
}

constexpr FfiRow kRows[] = {
    {"network_endpoint_new", New, "(path, size [, place])",
     "Opens a way to the Unix datagram socket at a path: whether it is there, and the endpoint. "
     "Not "
     "while a query is answered."},
    {"network_endpoint_is_valid", IsValid, "(endpoint)", "Whether it is open; false for nil."},
    {"network_endpoint_send", Send, "(endpoint, bytes, size)",
     "Sends a datagram: whether that was done. Never waits."},
    {"network_endpoint_free", FreeObject<kKind>, "(endpoint)", "Closes it."},
};

}  // namespace

FfiRows FfiEndpointRows() {
  return kRows;
}

}  // namespace breakwater::lua
