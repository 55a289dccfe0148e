// newNetworkEndpoint() and newNetworkListener(): datagrams to and from other programs on the host.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lua/bindings.h"
#include "proxy/net/unix_datagram.h"

namespace breakwater::lua {

// Sends without waiting. Under the lock of the guarded state.
class NetworkEndpoint {
 public:
  NetworkEndpoint(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  bool valid() const { return fd_.valid(); }
  // Whether all of it was taken. Where the receiver has begun anew it is connected to again.
  bool Send(std::string_view data);

 private:
  std::string path_;
  UniqueFd fd_;
};

struct NetworkSource {
  uint16_t id = 0;
  UniqueFd fd;
  LuaFunction callback;  // function(id, data, from)
};

// Its sources, until it is started; then a thread of ScriptThreads has them.
struct NetworkListener {
  std::vector<NetworkSource> sources;
  bool started = false;
};

template <>
struct LuaClass<NetworkEndpoint> {
  static constexpr const char* kName = "NetworkEndpoint";
};
template <>
struct LuaClass<NetworkListener> {
  static constexpr const char* kName = "NetworkListener";
};

FunctionPage NetworkFunctions();
const ClassRow& NetworkEndpointClass();
const ClassRow& NetworkListenerClass();

}  // namespace breakwater::lua
