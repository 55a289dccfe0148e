// What functions of ffi.C tell of dq and dr.
#include "lua/ffi_objects.h"
#include "proxy/base/hash.h"
#include "proxy/base/text.h"
#include "proxy/dns/edns.h"
#include "proxy/query/connection_info.h"
#include "proxy/query/message_edit.h"
#include "proxy/query/proxy_values.h"

namespace breakwater::lua {
namespace {

template <auto Get>
int Read(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  return frame == nullptr ? 0 : call.Give(Get(*frame));
}
// With tables for its place and its size behind dq.
template <auto Get>
int ReadText(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  return frame == nullptr ? 0 : call.GiveText(Get(*frame), 2);
}

std::string_view Name(const FfiFrame& f) {
  return AsText(f.query->name());
}
std::string_view Remote(const FfiFrame& f) {
  return AsText(f.query->client.Raw());
}
std::string_view Local(const FfiFrame& f) {
  return AsText(f.query->local.Raw());
}
std::string_view Header(const FfiFrame& f) {
  return AsText(std::span(f.query->data, dns::kHeaderSize));
}
std::string_view Data(const FfiFrame& f) {
  return AsText(f.query->message());
}
std::string_view ServerName(const FfiFrame& f) {
  return f.query->connection == nullptr ? std::string_view() : f.query->connection->server_name;
}
std::string_view Interface(const FfiFrame& f) {
  return f.query->frontend == nullptr ? std::string_view() : f.query->frontend->settings.interface;
}
// Nothing where it did not come over HTTPS.
template <std::string HttpExchange::*Member>
std::optional<std::string_view> Http(const FfiFrame& f) {
  const HttpExchange* const http = f.query->http.get();
  return http == nullptr ? std::optional<std::string_view>() : http->*Member;
}

uint8_t EcsPrefix(const FfiFrame& f) {
  const Query& q = *f.query;
  if (q.ecs_prefix_set) return q.client.IsV6() ? q.ecs_prefix_v6 : q.ecs_prefix_v4;
  return q.client.IsV6() ? f.settings->ecs_prefix_v6 : f.settings->ecs_prefix_v4;
}
bool EcsOverride(const FfiFrame& f) {
  return f.query->ecs_override_set ? f.query->ecs_override : f.settings->ecs_override;
}
dns::Edns EdnsOf(const FfiFrame& f) {
  return dns::FindEdns(f.query->message(), f.query->records_start()).value_or(dns::Edns{});
}

int MaskedRemote(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  // (dq, bits), or with tables for the address and its size before the bits.
  const bool plain = lua_type(call.state(), 2) == LUA_TNUMBER;
  const auto bits = static_cast<unsigned>(call.Integer(plain ? 2 : 4, 0, 128));
  if (!call.ok()) return 0;
  const Address masked = frame->query->client.Truncated(bits);
  return plain ? call.Give(AsText(masked.Raw())) : call.GiveText(AsText(masked.Raw()), 2);
}

int NameHash(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  const auto seed = static_cast<uint32_t>(call.Integer(2, 0, UINT32_MAX));
  if (!call.ok()) return 0;
  const std::string name = ToLowerAscii(Name(*frame));
  return call.Give(static_cast<uint32_t>(HashBytes(AsBytes(name), seed)));
}

int Tag(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  const std::string_view label = call.Text(2);
  if (!call.ok()) return 0;
  const std::string* const value = frame->query->FindTag(label);
  return call.Give(value == nullptr ? std::optional<std::string_view>() : *value);
}
// With a buffer and its size: the bytes written. Else the tag as a string.
int TagRaw(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  const std::string_view label = call.Text(2);
  if (!call.ok()) return 0;
  const std::string* const value = frame->query->FindTag(label);
  if (lua_isnoneornil(call.state(), 3)) {
    return call.Give(value == nullptr ? std::string_view() : std::string_view(*value));
  }
  return call.FillBuffer(value == nullptr ? std::string_view() : std::string_view(*value), 3);
}
// Into a buffer; 6, or 0 where it is not known.
int Mac(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  if (frame == nullptr) return 0;
  const RuleContext* const context = frame->context;
  const auto mac = context == nullptr || context->neighbours == nullptr
                       ? std::nullopt
                       : context->neighbours->Find(frame->query->client);
  return call.FillBuffer(mac ? AsText(*mac) : std::string_view(), 2);
}
int HeaderCopy(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  if (frame == nullptr) return 0;
  if (lua_isnoneornil(call.state(), 2)) return call.Give(Header(*frame));
  const int results = call.FillBuffer(Header(*frame), 2);
  if (!call.ok()) return 0;
  const bool filled = lua_tointegerx(call.state(), -1, nullptr) > 0;
  lua_pop(call.state(), results);
  return call.Give(filled);
}

int Options(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  if (frame == nullptr) return 0;
  FfiList list(call, 2);
  dns::ForEachOption(frame->query->message(), EdnsOf(*frame),
                     [&](dns::OptionCode code, std::span<const uint8_t> data) {
                       list.Begin();
                       list.Field("optionCode", static_cast<size_t>(code));
                       list.Field("data", AsText(data));
                       list.Field("len", data.size());
                       list.End();
                       return true;
                     });
  return list.Give();
}
int Headers(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  if (frame == nullptr) return 0;
  FfiList list(call, 2);
  if (const HttpExchange* http = frame->query->http.get()) {
    for (const auto& [name, value] : http->headers) {
      list.Begin();
      list.Field("name", name);
      list.Field("value", value);
      list.End();
    }
  }
  return list.Give();
}
int Tags(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  if (frame == nullptr) return 0;
  FfiList list(call, 2);
  if (const QueryExtras* extras = frame->query->extras()) {
    for (const auto& [name, value] : extras->tags) {
      list.Begin();
      list.Field("name", name);
      list.Field("value", value);
      list.End();
    }
  }
  return list.Give();
}
int Values(FfiCall& call) {
  const FfiFrame* const frame = call.Question(1);
  if (frame == nullptr) return 0;
  FfiList list(call, 2);
  for (const auto& [type, value] : ProxyValuesOf(*frame->query)) {
    list.Begin();
    list.Field("type", type);
    list.Field("value", value);
    list.Field("size", value.size());
    list.End();
  }
  return list.Give();
}

using F = FfiFrame;
// What reads one value: (dq).
#define BW_READ(name, expression, help)                                               \
  {                                                                                   \
    name, Read<+[]([[maybe_unused]] const F& f) { return expression; }>, "(dq)", help \
  }
#define BW_TEXT(name, function, help) \
  { name, ReadText<&function>, "(dq [, place, size])", help }
#define BW_LIST(name, function, help) \
  { name, function, "(dq [, list])", help }
#define Q(name) "dnsquestion_" name
constexpr FfiRow kRows[] = {
    BW_TEXT(Q("get_qname_raw"), Name, "The name asked for, in the wire format."),
    BW_READ(Q("get_qtype"), static_cast<uint16_t>(f.query->question.type), "The type asked for."),
    BW_READ(Q("get_qclass"), static_cast<uint16_t>(f.query->question.cls), "The class asked for."),
    BW_READ(Q("get_id"), f.query->header().id(), "The ID of the message."),
    BW_READ(Q("get_rcode"), static_cast<int>(f.query->header().rcode()), "The header's rcode."),
    BW_READ(Q("get_opcode"), static_cast<int>(f.query->header().opcode()), "The opcode."),
    BW_TEXT(Q("get_header"), Header, "The 12 bytes of the header."),
    {Q("get_header_copy"), HeaderCopy, "(dq [, buffer, size])",
     "The 12 bytes of the header, as result or in the buffer."},
    BW_TEXT(Q("get_data"), Data, "The message."),
    BW_READ(Q("get_len"), f.query->size, "The size of the message."),
    BW_READ(Q("get_size"), f.query->size, "The size of the message."),
    BW_READ(Q("get_tcp"), f.query->tcp(), "Whether it came over a stream."),
    BW_READ(Q("get_protocol"), static_cast<int>(f.query->protocol),
            "How it came: ffi.C.dnsdist_ffi_protocol_type_doudp and so on."),
    BW_TEXT(Q("get_remoteaddr"), Remote, "The client's address, 4 or 16 bytes."),
    BW_TEXT(Q("get_localaddr"), Local, "The address that was asked, 4 or 16 bytes."),
    {Q("get_masked_remoteaddr"), MaskedRemote, "(dq [, place, size], bits)",
     "The client's address, with all but so many bits cleared."},
    BW_READ(Q("is_remote_v6"), f.query->client.IsV6(), "Whether the client has an IPv6 address."),
    BW_READ(Q("get_remote_port"), f.query->client.port(), "The client's port."),
    BW_READ(Q("get_local_port"), f.query->local.port(), "The port that was asked."),
    {Q("get_qname_hash"), NameHash, "(dq, seed)",
     "A hash of the name, the same for all spellings; the same as long as the seed is."},
    BW_READ(Q("get_skip_cache"), f.query->skip_cache, "Whether the cache is left out."),
    BW_READ(Q("get_use_ecs"), f.query->use_ecs, "Whether a client subnet is sent."),
    BW_READ(Q("get_ecs_override"), EcsOverride(f), "Whether it replaces the client's own."),
    BW_READ(Q("get_ecs_prefix_length"), EcsPrefix(f), "How many bits of the client are sent."),
    BW_READ(Q("get_add_xpf"), false, "XPF is no longer sent."),
    BW_READ(Q("is_temp_failure_ttl_set"), f.query->temp_failure_ttl.has_value(),
            "Whether a rule said how long a failure is cached."),
    BW_READ(Q("get_temp_failure_ttl"), f.query->temp_failure_ttl.value_or(0),
            "How long a failure is cached."),
    BW_READ(Q("get_do"), f.query->edns.dnssec_ok, "Whether the query has DO."),
    BW_READ(Q("get_edns_version"), EdnsOf(f).version, "The version of EDNS; 0 without EDNS."),
    BW_READ(Q("get_edns_extended_rcode"), EdnsOf(f).extended_rcode,
            "The upper bits of the rcode, as the OPT has them."),
    BW_READ(Q("get_elapsed_us"), (f.now - f.query->arrived).us(), "Microseconds since it came."),
    BW_TEXT(Q("get_sni"), ServerName, "The name in the client's TLS handshake."),
    BW_TEXT(Q("get_incoming_interface"), Interface, "The interface of its listener."),
    {Q("get_tag"), Tag, "(dq, label)", "A tag; nil where it is not set."},
    {Q("get_tag_raw"), TagRaw, "(dq, label [, buffer, size])",
     "A tag as result; or into the buffer: the bytes written, 0 where it does not fit."},
    {Q("get_mac_addr"), Mac, "(dq, buffer, size)",
     "The client's hardware address into a buffer of six bytes: 6, or 0 where it is not known."},
    BW_READ(Q("get_http_path"), Http<&HttpExchange::path>(f), "The path, over HTTPS; else nil."),
    BW_READ(Q("get_http_query_string"), Http<&HttpExchange::query>(f),
            "The query string, over HTTPS; else nil."),
    BW_READ(Q("get_http_host"), Http<&HttpExchange::host>(f), "The host, over HTTPS; else nil."),
    BW_READ(Q("get_http_scheme"), Http<&HttpExchange::scheme>(f),
            "The scheme, over HTTPS; else nil."),
    BW_LIST(Q("get_http_headers"), Headers, "How many headers there are; each has name and value."),
    BW_LIST(Q("get_edns_options"), Options,
            "How many options there are; each has optionCode, data and len."),
    BW_LIST(Q("get_tag_array"), Tags, "How many tags there are; each has name and value."),
    BW_LIST(Q("get_proxy_protocol_values"), Values,
            "How many values there are; each has type, value and size."),
    {Q("get_trailing_data"), ReadText<+[](const F& f) { return AsText(TrailingData(*f.query)); }>,
     "(dq [, place, size])", "What stands behind the last record."},
};
#undef BW_READ
#undef BW_TEXT
#undef BW_LIST
#undef Q

}  // namespace

FfiRows FfiQuestionRows() {
  return kRows;
}

}  // namespace breakwater::lua
