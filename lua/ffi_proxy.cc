// Functions of ffi.C about the PROXY protocol.
#include "lua/ffi_objects.h"
#include "proxy/base/text.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/query/proxy_values.h"

namespace breakwater::lua {
namespace {

constexpr int64_t kMostValues = 1000;

// So many values from the list at `index`, from 0 on: tables with type, value and size.
ProxyValues ReadValues(FfiCall& call, int count_index) {
  ProxyValues values;
  lua_State* const state = call.state();
  const int64_t count = call.Integer(count_index, 0, kMostValues);
  if (!call.ok() || count == 0) return values;
  if (!call.IsTable(count_index + 1)) {
    call.Fail("a list of values expected, each with type, value and size");
    return values;
  }
  const int top = lua_gettop(state);
  for (int64_t i = 0; i < count && call.ok(); ++i) {
    lua_settop(state, top);
    lua_rawgeti(state, count_index + 1, i);
    if (!call.IsTable(top + 1)) {
      call.Fail("the list has fewer values than that");
      break;
    }
    for (const char* field : {"type", "value", "size"}) {
      lua_pushstring(state, field);
      lua_rawget(state, top + 1);
    }
    const auto type = static_cast<uint8_t>(call.Integer(top + 2, 0, UINT8_MAX));
    values.emplace_back(type, call.Text(top + 3, top + 4));
  }
  lua_settop(state, top);
  return values;
}

// Into the buffer at `index`: its size, or 0 where it does not fit.
int GiveHeader(FfiCall& call, const ProxyHeader& header, int index) {
  const std::string bytes = BuildProxyHeader(header);
  return call.Given(index) ? call.FillBuffer(bytes, index) : call.Give(std::string_view(bytes));
}

// (addrSize, source, destination, sourcePort, destinationPort, tcp, count, values [, buffer, size])
int Payload(FfiCall& call) {
  const int64_t size = call.Integer(1, 0, 16);
  Address source = Address::FromRaw(AsBytes(call.Text(2, 1)));
  Address destination = Address::FromRaw(AsBytes(call.Text(3, 1)));
  const auto source_port = static_cast<uint16_t>(call.Integer(4, 0, UINT16_MAX));
  const auto destination_port = static_cast<uint16_t>(call.Integer(5, 0, UINT16_MAX));
  ProxyHeader header;
  header.stream = call.Boolean(6);
  lua_settop(call.state(), 10);
  header.values = ReadValues(call, 7);
  if (call.ok() && size != 4 && size != 16) call.Fail("an address has 4 or 16 bytes");
  if (!call.ok()) return 0;
  source.set_port(source_port);
  destination.set_port(destination_port);
  header.source = source;
  header.destination = destination;
  return GiveHeader(call, header, 9);
}
// (dq, count, values [, buffer, size])
int PayloadOf(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  ProxyHeader header;
  lua_settop(call.state(), 5);
  header.values = ReadValues(call, 2);
  if (!call.ok()) return 0;
  header.source = frame->query->client;
  header.destination = frame->query->local;
  header.stream = frame->query->tcp();
  return GiveHeader(call, header, 4);
}
// (dq, count, values), or one value: (dq, type, value [, size])
int AddValues(FfiCall& call) {
  FfiFrame* const frame = call.Question(1);
  if (frame == nullptr) return 0;
  bool list = call.IsTable(3);
  if (list) {  // a buffer is a table too
    lua_pushliteral(call.state(), "bytes");
    list = lua_rawget(call.state(), 3) == LUA_TNIL;
    lua_pop(call.state(), 1);
  }
  ProxyValues values;
  if (list) {
    values = ReadValues(call, 2);
  } else {
    const auto type = static_cast<uint8_t>(call.Integer(2, 0, UINT8_MAX));
    values.emplace_back(type, call.Text(3, 4));
  }
  if (!call.ok()) return 0;
  for (auto& [type, value] : values) AddProxyValue(*frame->query, type, std::move(value));
  return call.Give(true);
}

constexpr FfiRow kRows[] = {
    {"generate_proxy_protocol_payload", Payload,
     "(addrSize, source, destination, sourcePort, destinationPort, tcp, count, values [, buffer, "
     "size])",
     "The header of the PROXY protocol for these addresses, of 4 or 16 bytes; into the buffer: its "
     "size, 0 where it does not fit."},
    {"dnsquestion_generate_proxy_protocol_payload", PayloadOf,
     "(dq, count, values [, buffer, size])", "The same for the addresses of the query."},
    {"dnsquestion_add_proxy_protocol_values", AddValues,
     "(dq, count, values) or (dq, type, value [, size])",
     "Adds values to what a server with useProxyProtocol is told."},
};

}  // namespace

FfiRows FfiProxyRows() {
  return kRows;
}

}  // namespace breakwater::lua
