// Actions that reach the network around the server: copies of queries, hardware addresses.
#include <fmt/format.h>

#include "lua/object_args.h"
#include "lua/rule_objects.h"
#include "lua/script_bindings.h"
#include "lua/side_tasks.h"
#include "proxy/rules/actions/edns_actions.h"
#include "proxy/rules/actions/tee_actions.h"

namespace breakwater::lua {
namespace {

TextResult<ActionPtr> Tee(Call& call, const AddressArg& remote, std::optional<bool> client_subnet,
                          const std::optional<AddressArg>& local) {
  const auto proxy_header = Reader<std::optional<bool>>::Read(call, 4);
  if (!proxy_header) return Fail(proxy_header.error());
  Address server = remote.address;
  if (server.port() == 0) server.set_port(53);
  if (local && local->address.family() != server.family()) {
    return Fail(fmt::format("{} and the source {} are of different families",
                            server.ToStringWithPort(), local->address.ToString()));
  }
  auto socket = OpenTeeSocket(call, server, local ? local->address : Address());
  if (!socket) return Fail(std::move(socket.error()));
  return MakeTeeAction(std::move(*socket), {.client_subnet = client_subnet.value_or(false),
                                            .proxy_header = proxy_header->value_or(false)});
}

ActionPtr SetMac(Call& call, uint16_t option) {
  call.builder().config().settings.neighbours->Want();
  return MakeSetMacAddrAction(option);
}

constexpr FunctionRow kFunctions[] = {
    {"MacAddrAction", Bind<&SetMac>, "MacAddrAction(option) -> DNSAction",
     "An older name of SetMacAddrAction."},
    {"SetMacAddrAction", Bind<&SetMac>, "SetMacAddrAction(option) -> DNSAction",
     "Tells the server the client's hardware address in that EDNS option, and rules go on. Only "
     "clients on a network of this host have one; without, nothing is added."},
    {"TeeAction", Bind<&Tee>,
     "TeeAction(remote[, addECS[, local[, addProxyProtocol]]]) -> DNSAction",
     "Sends a copy of each query over UDP to one more server, whose answers are only counted "
     "(getAction(n):printStats()), and rules go on."},
};

}  // namespace

FunctionPage NetworkActionFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
