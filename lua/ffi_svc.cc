// Functions of ffi.C that answer with SVCB and HTTPS records.
#include <fmt/format.h>

#include "lua/ffi_objects.h"
#include "proxy/base/text.h"
#include "proxy/rules/actions/svc_actions.h"

namespace breakwater::lua {
namespace {

// What one object may hold, so that a script cannot fill memory that Lua does not count.
constexpr size_t kMostBytes = 4096;
constexpr int64_t kMostRecords = 1000;

struct Parameters {
  SvcRecord record;
  size_t bytes = 0;
};
constexpr FfiKind kKind{"parameters of a SVC record",
                        [](void* object) { static_cast<Parameters*>(object)->~Parameters(); }};

// (target, priority, noDefaultAlpn [, place])
int New(FfiCall& call) {
  const std::string_view text = call.Text(1);
  const auto priority = static_cast<uint16_t>(call.Integer(2, 0, UINT16_MAX));
  const bool no_default = call.Boolean(3);
  if (!call.ok()) return 0;
  const auto target = dns::Name::Parse(text);
  if (!target) return call.Give(false);
  lua_settop(call.state(), 4);
  auto* const made = new (NewFfiObject(call.state(), kKind, sizeof(Parameters))) Parameters;
  made->record.priority = priority;
  made->record.target = *target;
  made->record.no_default_alpn = no_default;
  lua_pushvalue(call.state(), -1);
  call.Store(4);
  call.Give(true);
  lua_pushvalue(call.state(), -2);
  return 2;
}

// For `bytes` more of it; null, and a problem noted, where that is too much.
SvcRecord* RecordAt(FfiCall& call, size_t bytes) {
  auto* const held = static_cast<Parameters*>(FfiObjectAt(call, 1, kKind));
  if (held == nullptr || !call.ok()) return nullptr;
  held->bytes += bytes + 8;
  if (held->bytes <= kMostBytes) return &held->record;
  call.Fail(fmt::format("the parameters of a record take {} bytes at most", kMostBytes));
  return nullptr;
}

int AddMandatory(FfiCall& call) {
  const auto key = static_cast<uint16_t>(call.Integer(2, 0, UINT16_MAX));
  if (SvcRecord* const record = RecordAt(call, 2)) record->mandatory.insert(key);
  return 0;
}
int AddAlpn(FfiCall& call) {
  const std::string_view alpn = call.Text(2, 3);
  if (SvcRecord* const record = RecordAt(call, alpn.size())) record->alpns.emplace_back(alpn);
  return 0;
}
int SetPort(FfiCall& call) {
  const auto port = static_cast<uint16_t>(call.Integer(2, 0, UINT16_MAX));
  if (SvcRecord* const record = RecordAt(call, 2)) record->port = port;
  return 0;
}
int SetEch(FfiCall& call) {
  const std::string_view ech = call.Text(2, 3);
  if (SvcRecord* const record = RecordAt(call, ech.size())) record->ech = ech;
  return 0;
}
// As bytes, or in writing.
template <auto Member, bool V6>
int AddHint(FfiCall& call) {
  const std::string_view hint = call.Text(2, 3);
  if (!call.ok()) return 0;
  Address address = Address::FromRaw(AsBytes(hint));
  if (!address.IsSet()) {
    if (const auto parsed = Address::Parse(hint)) address = *parsed;
  }
  if (!address.IsSet() || address.IsV6() != V6) {
    return call.Fail(fmt::format("bad argument #2 (an {} address expected)", V6 ? "IPv6" : "IPv4"));
  }
  if (SvcRecord* const record = RecordAt(call, sizeof(Address))) {
    (record->*Member).push_back(address);
  }
  return 0;
}
int AddAdditional(FfiCall& call) {
  const auto key = static_cast<uint16_t>(call.Integer(2, 0, UINT16_MAX));
  const std::string_view value = call.Text(3, 4);
  if (SvcRecord* const record = RecordAt(call, value.size())) record->additional[key] = value;
  return 0;
}

// (dq, list, count, ttl): the list from 0 on, or from 1 on.
int Respond(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  const int64_t count = call.Integer(3, 1, kMostRecords);
  const auto ttl = static_cast<uint32_t>(call.Integer(4, 0, UINT32_MAX));
  if (call.ok() && !call.IsTable(2)) call.Fail("bad argument #2 (a list of parameters expected)");
  if (!call.ok()) return 0;
  if (frame->query->is_response) return call.Fail("this is an answer already");
  lua_State* const state = call.state();
  lua_settop(state, 4);
  const int64_t first = lua_rawgeti(state, 2, 0) == LUA_TNIL ? 1 : 0;
  std::vector<SvcRecord> records;
  for (int64_t i = first; i < first + count; ++i) {
    lua_settop(state, 4);
    lua_rawgeti(state, 2, i);
    const void* const held = FfiObjectOrNull(state, 5, kKind);
    if (held == nullptr) {
      return call.Fail(fmt::format("bad argument #2: there is no record {} in the list", i));
    }
    records.push_back(static_cast<const Parameters*>(held)->record);
  }
  SpoofOptions options;
  options.flags.aa = true;
  options.ttl = ttl;
  const auto answered = AnswerSvc(*frame->query, *frame->context, records, options);
  return answered ? call.Give(*answered) : call.Fail(answered.error());
}

#define BW_ROW(name, function, parameters, help) \
  { "svc_record_parameters_" name, function, "(parameters" parameters ")", help }
constexpr FfiRow kRows[] = {
    {"svc_record_parameters_new", New, "(target, priority, noDefaultAlpn [, place])",
     "Begins a SVCB or HTTPS record: whether the name is good, and the parameters."},
    BW_ROW("add_mandatory_param", AddMandatory, ", key", "A key that clients must know."),
    BW_ROW("add_alpn", AddAlpn, ", alpn [, size]", "A protocol, \"h2\" say."),
    BW_ROW("set_port", SetPort, ", port", "The port of the service."),
    BW_ROW("set_ech", SetEch, ", ech [, size]", "What encrypted client hello needs."),
    BW_ROW("add_ipv4_hint", (AddHint<&SvcRecord::ipv4_hints, false>), ", address [, size]",
           "An address, in writing or 4 bytes."),
    BW_ROW("add_ipv6_hint", (AddHint<&SvcRecord::ipv6_hints, true>), ", address [, size]",
           "An address, in writing or 16 bytes."),
    BW_ROW("add_additional_param", AddAdditional, ", key, value [, size]",
           "The value of a key that has no function here, as on the wire."),
    BW_ROW("free", FreeObject<kKind>, "", "Lets go of it early."),
    {"dnsquestion_generate_svc_response", Respond, "(dq, list, count, ttl)",
     "Answers with these records, with AA; whether they fit. A record that cannot be is an error."},
};
#undef BW_ROW

}  // namespace

FfiRows FfiSvcRows() {
  return kRows;
}

}  // namespace breakwater::lua
