// Functions of ffi.C for policies: the list of servers, counted from 0 on, and what is known of
// each.
#include <algorithm>

#include "lua/ffi_call.h"
#include "proxy/pool/policies/weighted.h"

namespace breakwater::lua {
namespace {

int Count(FfiCall& call) {
  const FfiFrame* const frame = call.Servers(1);
  return frame == nullptr ? 0 : call.Give(frame->servers.size());
}
int GetServer(FfiCall& call) {
  const FfiFrame* const frame = call.Servers(1);
  const auto index = static_cast<size_t>(call.Integer(2, 0, UINT32_MAX));
  if (!call.ok()) return 0;
  lua_settop(call.state(), 3);
  call.GiveServer(*frame, index);
  call.GiveServer(*frame, index);
  call.Store(3);
  return 1;
}
// The number of a server; the length of the list for none.
int IndexOf(FfiCall& call, const FfiFrame& frame, const BackendPtr& server) {
  const auto found = std::ranges::find(frame.servers, server);
  return call.Give(static_cast<size_t>(found - frame.servers.begin()));
}
int WeightedHashed(FfiCall& call) {
  const FfiFrame* const frame = call.Servers(1);
  call.Question(2);
  const auto hash = static_cast<uint64_t>(call.Integer(3, 0, INT64_MAX));
  if (!call.ok()) return 0;
  const policies::LoadBound bound(frame->servers, frame->settings->weighted_factor);
  const BackendPtr chosen = policies::PickByWeight(
      frame->servers, hash, [&](const Backend& server) { return bound.Allows(server); });
  return IndexOf(call, *frame, chosen);
}
int ConsistentHashed(FfiCall& call) {
  const FfiFrame* const frame = call.Servers(1);
  call.Question(2);
  const auto hash = static_cast<uint32_t>(call.Integer(3, 0, INT64_MAX));
  if (!call.ok()) return 0;
  const policies::LoadBound bound(frame->servers, frame->settings->consistent_factor);
  const BackendPtr chosen =
      policies::PickOnRing(frame->servers, hash, frame->settings->perturbation, bound);
  return IndexOf(call, *frame, chosen);
}

template <auto Get>
int Read(FfiCall& call) {
  const Backend* const server = call.Server(1);
  return server == nullptr ? 0 : call.Give(Get(*server));
}
int Name(FfiCall& call) {
  const Backend* const server = call.Server(1);
  return server == nullptr ? 0 : call.Give(std::string_view(server->name()));
}
int NameWithAddress(FfiCall& call) {
  const Backend* const server = call.Server(1);
  return server == nullptr ? 0 : call.Give(std::string_view(server->NameWithAddress()));
}

#define BW_READ(name, expression, help)                                                  \
  {                                                                                      \
    "server_" name, Read<+[](const Backend& s) { return expression; }>, "(server)", help \
  }
constexpr FfiRow kRows[] = {
    {"servers_list_get_count", Count, "(servers)", "How many servers there are."},
    {"servers_list_get_server", GetServer, "(servers, index [, place])",
     "A server by number, from 0 on; nil where there is none."},
    {"servers_list_whashed", WeightedHashed, "(servers, dq, hash)",
     "The number of the server that the policy whashed has for this hash; the length of the list "
     "for none."},
    {"servers_list_chashed", ConsistentHashed, "(servers, dq, hash)", "The same of chashed."},
    BW_READ("get_outstanding", s.outstanding(), "Queries that it has not answered yet."),
    BW_READ("is_up", s.IsUp(), "Whether it is up."),
    {"server_get_name", Name, "(server)", "Its name."},
    {"server_get_name_with_addr", NameWithAddress, "(server)", "Its name and address."},
    BW_READ("get_weight", s.weight(), "Its weight."),
    BW_READ("get_order", s.order(), "Its order."),
    BW_READ("get_latency", s.PolicyLatency(), "Its mean latency, in microseconds."),
};
#undef BW_READ

}  // namespace

FfiRows FfiServerRows() {
  return kRows;
}

}  // namespace breakwater::lua
