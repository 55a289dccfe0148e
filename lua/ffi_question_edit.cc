// What functions of ffi.C do to dq and dr.
#include <fmt/format.h>

#include "lua/ffi_call.h"
#include "lua/question_http.h"
#include "lua/question_message.h"
#include "proxy/base/text.h"
#include "proxy/query/message_edit.h"
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/set_actions.h"
#include "proxy/rules/spoof.h"

namespace breakwater::lua {
namespace {

constexpr int64_t kMostValues = 10'000;

// Notes something about the query: (dq, value).
template <auto Set>
int Note(FfiCall& call) {
  FfiFrame* const frame = call.Question(1);
  if (frame != nullptr) Set(call, *frame);
  return 0;
}
template <auto Member>
void NoteText(FfiCall& call, FfiFrame& frame) {
  const std::string_view text = call.Text(2, 3);
  if (call.ok()) frame.query->Extras().*Member = text;
}
template <auto Member>
void NoteBool(FfiCall& call, FfiFrame& frame) {
  const bool value = call.Boolean(2);
  if (call.ok()) frame.query->*Member = value;
}

void SetResult(FfiCall& call, FfiFrame& frame) {
  const std::string_view text = call.Text(2, 3);
  if (call.ok()) frame.result = text;
}
// As dnsdist does: it becomes an answer.
void SetRCode(FfiCall& call, FfiFrame& frame) {
  const int64_t rcode = call.Integer(2, 0, 4095);
  if (!call.ok()) return;
  frame.query->header().set_rcode(static_cast<dns::RCode>(rcode & 15));
  frame.query->header().Set(dns::kFlagQr, true);
}
void SetEcsOverride(FfiCall& call, FfiFrame& frame) {
  const bool value = call.Boolean(2);
  if (!call.ok()) return;
  frame.query->ecs_override = value;
  frame.query->ecs_override_set = true;
}
void SetEcsPrefix(FfiCall& call, FfiFrame& frame) {
  const auto bits = static_cast<uint8_t>(call.Integer(2, 0, 128));
  if (!call.ok()) return;
  frame.query->ecs_prefix_v4 = std::min<uint8_t>(bits, 32);
  frame.query->ecs_prefix_v6 = bits;
  frame.query->ecs_prefix_set = true;
}
void SetFailureTtl(FfiCall& call, FfiFrame& frame) {
  const auto ttl = static_cast<uint32_t>(call.Integer(2, 0, UINT32_MAX));
  if (call.ok()) frame.query->temp_failure_ttl = ttl;
}
void UnsetFailureTtl(FfiCall&, FfiFrame& frame) {
  frame.query->temp_failure_ttl.reset();
}
void SetMaxTtl(FfiCall& call, FfiFrame& frame) {
  const auto ttl = static_cast<uint32_t>(call.Integer(2, 0, UINT32_MAX));
  if (call.ok()) frame.query->max_returned_ttl = ttl;
}
void SetTag(FfiCall& call, FfiFrame& frame) {
  const std::string_view label = call.Text(2);
  const std::string_view value = call.Text(3, 4);
  if (call.ok()) frame.query->SetTag(label, value);
}
void UnsetTag(FfiCall& call, FfiFrame& frame) {
  const std::string_view label = call.Text(2);
  if (call.ok()) frame.query->UnsetTag(label);
}
template <bool Clear>
void ExtendedError(FfiCall& call, FfiFrame& frame) {
  const auto code = static_cast<uint16_t>(call.Integer(2, 0, UINT16_MAX));
  std::string_view text;
  if (!lua_isnoneornil(call.state(), 3)) text = call.Text(3, 4);
  if (call.ok()) NoteExtendedError(*frame.query, {code, std::string(text), Clear});
}
void SetHeader(FfiCall& call, FfiFrame& frame) {
  const std::string_view header = call.Text(2, 3);
  if (call.ok() && header.size() != dns::kHeaderSize) call.Fail("a header has 12 bytes");
  if (call.ok()) std::copy(header.begin(), header.end(), frame.query->data);
}
void SetHttpResponse(FfiCall& call, FfiFrame& frame) {
  const int64_t status = call.Integer(2, 0, UINT16_MAX);
  const std::string_view body = call.Text(3, 4);
  std::string_view type;
  if (call.Given(5)) type = call.Text(5);
  if (!call.ok()) return;
  if (auto done = AnswerHttp(*frame.query, {status, body, type}); !done) call.Fail(done.error());
}
void SetRestartable(FfiCall& call, FfiFrame& frame) {
  if (auto done = MakeRestartable(*frame.query, frame.context); !done) call.Fail(done.error());
}

// --- the message

// The items of a list from 0 on of tables with `value` and `size`, or of strings; or of a plain
// list from 1 on. They live as long as the call's arguments.
std::vector<std::string_view> Values(FfiCall& call) {
  std::vector<std::string_view> values;
  lua_State* const state = call.state();
  if (!call.IsTable(2)) {
    call.Fail("bad argument #2 (a list of values expected)");
    return values;
  }
  const int64_t first = lua_rawgeti(state, 2, 0) == LUA_TNIL ? 1 : 0;
  lua_pop(state, 1);
  const bool counted = !lua_isnoneornil(state, 3);
  const int64_t count =
      counted
          ? call.Integer(3, 0, kMostValues)
          : std::min<int64_t>(kMostValues, static_cast<int64_t>(lua_rawlen(state, 2)) + 1 - first);
  for (int64_t i = first; i < first + count && call.ok(); ++i) {
    lua_settop(state, 3);
    if (lua_rawgeti(state, 2, i) == LUA_TTABLE) {
      lua_pushliteral(state, "value");
      lua_rawget(state, 4);
      lua_pushliteral(state, "size");
      lua_rawget(state, 4);
      values.push_back(call.Text(5, 6));
    } else {
      values.push_back(call.Text(4));
    }
  }
  return values;
}

int SpoofRawValues(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  if (frame == nullptr) return 0;
  const auto values = Values(call);
  if (!call.ok()) return 0;
  const std::vector<std::string> rdata(values.begin(), values.end());
  return call.Give(SpoofRaw(*frame->query, *frame->context, rdata, {}));
}
int SpoofAddressValues(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  if (frame == nullptr) return 0;
  std::vector<Address> addresses;
  for (const std::string_view raw : Values(call)) {
    addresses.push_back(Address::FromRaw(AsBytes(raw)));
    if (!addresses.back().IsSet()) call.Fail("an address has 4 or 16 bytes");
  }
  if (!call.ok()) return 0;
  return call.Give(SpoofAddresses(*frame->query, *frame->context, addresses, {}));
}
int SpoofPacket(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  const std::string_view packet = call.Text(2, 3);
  if (!call.ok()) return 0;
  if (packet.size() < dns::kHeaderSize) {
    return call.Fail(fmt::format("a packet of {} octets is no DNS message: a header takes {}",
                                 packet.size(), dns::kHeaderSize));
  }
  (void)MakePacketAnswer(*frame->query, SelfAnswersOf(*frame->context), AsBytes(packet));
  return 0;
}
int SetLength(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  if (frame == nullptr) return 0;
  const auto message = frame->query->message();
  const int64_t size = call.Integer(2, dns::kHeaderSize, static_cast<int64_t>(message.size()));
  if (!call.ok()) return 0;
  const std::vector<uint8_t> kept(message.begin(), message.begin() + size);
  if (SetContent(*frame->query, frame->context->packets, kept)) return 0;
  return call.Fail("what is left would be no message that could be sent");
}
int SetTrailing(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  const std::string_view data = call.Text(2, 3);
  if (!call.ok()) return 0;
  return call.Give(SetTrailingData(*frame->query, frame->context->packets, AsBytes(data)));
}
// (dq, name, size, tag, size, value, size, former tag, size): the name in the wire format.
int SetAlternateName(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  const std::string_view wire = call.Text(2, 3);
  std::string_view tag, value, former;
  if (!lua_isnoneornil(call.state(), 4)) tag = call.Text(4, 5);
  if (!lua_isnoneornil(call.state(), 6)) value = call.Text(6, 7);
  if (!lua_isnoneornil(call.state(), 8)) former = call.Text(8, 9);
  if (!call.ok()) return 0;
  const auto name = dns::Name::FromWire(AsBytes(wire));
  if (!name) return call.Give(false);
  Query& query = *frame->query;
  const auto before = query.name();
  const std::string old(before.begin(), before.end());
  if (!ChangeName(query, frame->context->packets, *name)) return call.Give(false);
  if (!former.empty()) query.SetTag(former, old);
  if (!tag.empty()) query.SetTag(tag, value);
  query.skip_cache = true;
  return call.Give(true);
}

#define BW_NOTE(name, function, parameters, help) \
  { "dnsquestion_" name, Note<&function>, "(dq" parameters ")", help }
#define BW_ROW(name, function, parameters, help) \
  { "dnsquestion_" name, function, "(dq" parameters ")", help }
constexpr FfiRow kRows[] = {
    BW_NOTE("set_result", SetResult, ", text [, size]",
            "The text beside the action that the function returns, a pool or an address say."),
    BW_NOTE("set_rcode", SetRCode, ", rcode", "Makes it an answer with that rcode."),
    BW_NOTE("set_skip_cache", NoteBool<&QueryFields::skip_cache>, ", skip",
            "Leaves the cache out."),
    BW_NOTE("set_use_ecs", NoteBool<&QueryFields::use_ecs>, ", use",
            "Whether a client subnet is sent."),
    BW_NOTE("set_ecs_override", SetEcsOverride, ", override", "Replaces the client's own."),
    BW_NOTE("set_ecs_prefix_length", SetEcsPrefix, ", bits", "Bits of the client that are sent."),
    BW_NOTE("set_temp_failure_ttl", SetFailureTtl, ", ttl", "How long a failure is cached."),
    BW_NOTE("unset_temp_failure_ttl", UnsetFailureTtl, "", "As the cache has it."),
    BW_NOTE("set_max_returned_ttl", SetMaxTtl, ", max", "Caps the TTLs that the client gets."),
    BW_NOTE("set_tag", SetTag, ", label, value", "Sets a tag."),
    BW_NOTE("set_tag_raw", SetTag, ", label, value [, size]", "Sets a tag of any bytes."),
    BW_NOTE("unset_tag", UnsetTag, ", label", "Removes a tag."),
    BW_NOTE("set_requestor_id", NoteText<&QueryExtras::requestor_id>, ", id [, size]",
            "Named in protobuf messages."),
    BW_NOTE("set_device_id", NoteText<&QueryExtras::device_id>, ", id [, size]",
            "Named in protobuf messages."),
    BW_NOTE("set_device_name", NoteText<&QueryExtras::device_name>, ", name [, size]",
            "Named in protobuf messages."),
    BW_NOTE("set_extended_dns_error", ExtendedError<true>, ", code [, text [, size]]",
            "The extended error of the answer, in place of others."),
    BW_NOTE("add_extended_dns_error", ExtendedError<false>, ", code [, text [, size]]",
            "One more extended error of the answer."),
    BW_NOTE("set_header", SetHeader, ", header [, size]", "Overwrites the 12 bytes of the header."),
    BW_NOTE("set_http_response", SetHttpResponse, ", status, body, size [, contentType]",
            "What a request over HTTPS is answered with, once the query is an answer."),
    BW_NOTE("set_restartable", SetRestartable, "", "Keeps the query as it is now for a restart."),
    BW_ROW("spoof_raw", SpoofRawValues, ", values [, count]",
           "Answers with records of that content."),
    BW_ROW("spoof_addrs", SpoofAddressValues, ", addresses [, count]",
           "Answers with addresses, each of 4 or 16 bytes."),
    BW_ROW("spoof_packet", SpoofPacket, ", packet [, size]", "Answers with that packet."),
    BW_ROW("set_len", SetLength, ", size", "Cuts the message."),
    BW_ROW("set_trailing_data", SetTrailing, ", data [, size]",
           "Replaces what stands behind the last record; whether that was done."),
    BW_ROW("set_alternate_name", SetAlternateName,
           ", name, size [, tag, size, value, size [, formerTag, size]]",
           "Asks for another name, in the wire format, and leaves the cache out; whether that was "
           "done. The second tag gets the name it had."),
};
#undef BW_NOTE
#undef BW_ROW

}  // namespace

FfiRows FfiQuestionEditRows() {
  return kRows;
}

}  // namespace breakwater::lua
