// DNSQuestion (dq) and DNSResponse (dr): what Lua rules and policies look at and change.
#include <fmt/format.h>

#include <atomic>

#include "lua/async_objects.h"
#include "lua/dns_header.h"
#include "lua/negative_answer.h"
#include "lua/object_args.h"
#include "lua/proxy_values.h"
#include "lua/question_http.h"
#include "lua/question_message.h"
#include "lua/question_tags.h"
#include "lua/script_bindings.h"
#include "proxy/base/log.h"
#include "proxy/base/wall_clock.h"
#include "proxy/query/connection_info.h"
#include "proxy/query/restart.h"
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/set_actions.h"
#include "proxy/rules/spoof.h"

namespace breakwater::lua {
namespace {

// What applies where no rule said otherwise.
ConfigPtr Current(Call& call) {
  static const auto kNone = std::make_shared<const Config>();
  ConfigPtr config = call.runtime().published();
  return config ? config : kNone;
}

Address GetRemote(const QuestionView& v) {
  return v.query->client;
}
Address GetLocal(const QuestionView& v) {
  return v.query->local;
}
dns::Name GetName(const QuestionView& v) {
  return v.query->NameCopy();
}
uint16_t GetType(const QuestionView& v) {
  return static_cast<uint16_t>(v.query->question.type);
}
uint16_t GetClass(const QuestionView& v) {
  return static_cast<uint16_t>(v.query->question.cls);
}
int GetOpcode(const QuestionView& v) {
  return static_cast<int>(v.query->header().opcode());
}
int GetRCode(const QuestionView& v) {
  return static_cast<int>(v.query->header().rcode());
}
void SetRCode(QuestionView& v, uint8_t rcode) {
  v.query->header().set_rcode(static_cast<dns::RCode>(rcode));
}
bool GetTcp(const QuestionView& v) {
  return v.query->tcp();
}
size_t GetSize(const QuestionView& v) {
  return v.query->size;
}
bool GetSkipCache(const QuestionView& v) {
  return v.query->skip_cache;
}
void SetSkipCache(QuestionView& v, bool skip) {
  v.query->skip_cache = skip;
}
bool GetUseEcs(const QuestionView& v) {
  return v.query->use_ecs;
}
void SetUseEcs(QuestionView& v, bool use) {
  v.query->use_ecs = use;
}
bool GetEcsOverride(Call& call, const QuestionView& v) {
  return v.query->ecs_override_set ? v.query->ecs_override : Current(call)->settings.ecs_override;
}
void SetEcsOverride(QuestionView& v, bool replace) {
  v.query->ecs_override = replace;
  v.query->ecs_override_set = true;
}
int GetEcsPrefix(Call& call, const QuestionView& v) {
  const bool v6 = v.query->client.IsV6();
  if (v.query->ecs_prefix_set) return v6 ? v.query->ecs_prefix_v6 : v.query->ecs_prefix_v4;
  const ConfigPtr config = Current(call);
  return v6 ? config->settings.ecs_prefix_v6 : config->settings.ecs_prefix_v4;
}
void SetEcsPrefix(QuestionView& v, uint8_t bits) {
  v.query->ecs_prefix_v4 = std::min<uint8_t>(bits, 32);
  v.query->ecs_prefix_v6 = std::min<uint8_t>(bits, 128);
  v.query->ecs_prefix_set = true;
}
std::optional<uint32_t> GetTempFailureTtl(const QuestionView& v) {
  return v.query->temp_failure_ttl;
}
void SetTempFailureTtl(QuestionView& v, std::optional<uint32_t> ttl) {
  v.query->temp_failure_ttl = ttl;
}
std::string GetPool(const QuestionView& v) {
  return v.query->pool_name;
}
void SetPool(QuestionView& v, const std::string& pool) {
  v.query->pool_name = pool;
  v.query->pool_set = true;
}
template <std::string QueryExtras::*Member>
std::string GetExtra(const QuestionView& v) {
  const QueryExtras* extras = v.query->extras();
  return extras == nullptr ? std::string() : extras->*Member;
}
template <std::string QueryExtras::*Member>
void SetExtra(QuestionView& v, const std::string& text) {
  v.query->Extras().*Member = text;
}

// --- header
DnsHeader GetHeader(const QuestionView& v) {
  return DnsHeader(v.query->data);
}
void SetHeader(QuestionView& v, const DnsHeader& header) {
  const auto bytes = header.bytes();
  std::memcpy(v.query->data, bytes.data(), bytes.size());
}
uint8_t* FindHeader(const std::shared_ptr<void>& owner) {
  const auto* v = static_cast<const QuestionView*>(owner.get());
  return v->query == nullptr ? nullptr : v->query->data;
}
std::shared_ptr<DnsHeader> GetDh(const std::shared_ptr<QuestionView>& v) {
  auto header = std::make_shared<DnsHeader>(v->query->data);
  header->find = FindHeader;
  header->owner = v;
  return header;
}

// --- content
bool GetDo(const QuestionView& v) {
  return v.query->edns.dnssec_ok;
}
std::string GetProtocol(const QuestionView& v) {
  return std::string(ProtocolTitle(v.query->protocol));
}
std::string GetInterface(const QuestionView& v) {
  return v.query->frontend == nullptr ? "" : v.query->frontend->settings.interface;
}
std::string GetServerName(const QuestionView& v) {
  return v.query->connection == nullptr ? "" : v.query->connection->server_name;
}
// When it came, on the wall's clock.
Pushed QueryTime(Call& call, const QuestionView& v) {
  const WallTime came = WallAt(v.query->arrived);
  PushTimespec(call.state(), came.seconds * 1'000'000'000 + came.nanoseconds);
  return {1};
}
TextResult<double> ElapsedUs(const QuestionView& v) {
  if (v.context == nullptr) return Fail(std::string("cannot be told in a policy"));
  return static_cast<double>((v.context->now - v.query->arrived).us());
}
void ExtendedError(QuestionView& v, uint16_t code, const std::optional<std::string>& text,
                   std::optional<bool> clear) {
  NoteExtendedError(*v.query, {code, text.value_or(""), clear.value_or(true)});
}

TextResult<void> ReadSpoof(Call& call, QuestionView& v) {
  if (v.context == nullptr) return Fail(std::string("cannot be done in a policy"));
  SpoofOptions options;
  lua_State* const state = call.state();
  const auto type = Reader<std::optional<uint16_t>>::Read(call, 3);
  if (!type) return Fail(type.error());
  if (*type && **type != 0) options.type_for_any = static_cast<dns::Type>(**type);
  bool addresses = BoxAt(state, 2, LuaClass<Address>::kName) != nullptr;
  if (IsTable(state, 2)) {
    lua_rawgeti(state, 2, 1);
    addresses = BoxAt(state, -1, LuaClass<Address>::kName) != nullptr;
    lua_pop(state, 1);
  }
  if (!addresses) {
    const auto raw = Reader<StringOrList>::Read(call, 2);
    if (!raw) return Fail(raw.error());
    SpoofRaw(*v.query, *v.context, raw->items, options);
    return {};
  }
  std::vector<Address> list;
  if (IsTable(state, 2)) {
    const auto read = Reader<std::vector<AddressArg>>::Read(call, 2);
    if (!read) return Fail(read.error());
    for (const AddressArg& item : *read) list.push_back(item.address);
  } else {
    list.push_back((*ReadObject<Address>(call, 2)).operator*());
  }
  SpoofAddresses(*v.query, *v.context, list, options);
  return {};
}

// --- what only answers have

std::shared_ptr<Backend> SelectedBackend(const ResponseView& v) {
  return v.context == nullptr || v.context->backend == nullptr ? nullptr : *v.context->backend;
}
bool StaleHit(const ResponseView& v) {
  return v.query->stale_hit;
}
// In the two chains that cannot put an answer back it says so, once.
bool Restart(Call& call, ResponseView& v) {
  if (v.context == nullptr) return false;
  if (v.context->may_restart) return AskForRestart(*v.query);
  static std::atomic<bool> said{false};
  if (!said.exchange(true)) {
    LogWarning("lua",
               "{}DNSResponse:restart: does nothing in cache-inserted and XFR rules, where the "
               "answer is stored or on its way; call it in a rule of addResponseAction",
               call.Where());
  }
  return false;
}
TextResult<void> SetRestartable(QuestionView& v) {
  return MakeRestartable(*v.query, v.context);
}
int RestartCount(const ResponseView& v) {
  return v.query->restarts;
}

// There is no agent, as in dnsdist without snmpAgent().
void SendTrap(const QuestionView&, const std::optional<std::string>&) {}
// Of a query that is not traced.
std::optional<std::string> TraceNumber(const QuestionView&) {
  return std::nullopt;
}

constexpr Scope kAny = Scope::kAnywhere;
#define BW_METHOD(C, name, function, parameters, help) \
  { name, Bind<&function>, C ":" name "(" parameters ")", help, kAny }
#define BW_METHODS(C)                                                                              \
  BW_METHOD(C, "changeName", ChangeName, "name",                                                   \
            "Puts another name in the question; of an answer, in its owners too."),                \
      BW_METHOD(C, "getContent", GetContent, "", "The whole message."),                            \
      BW_METHOD(C, "getDO", GetDo, "", "Whether the query has DO."),                               \
      BW_METHOD(C, "getEDNSOptions", GetEdnsOptions, "",                                           \
                "A table from option codes to EDNSOptionView."),                                   \
      BW_METHOD(C, "getElapsedUs", ElapsedUs, "", "Microseconds since it came."),                  \
      BW_METHOD(C, "getHeader", GetHeader, "", "A copy of the header."),                           \
      BW_METHOD(C, "getHTTPHeaders", GetHttpHeaders, "",                                           \
                "The headers of a request over HTTPS by name, where they are kept."),              \
      BW_METHOD(C, "getHTTPHost", GetHttpHost, "", "The host that a request over HTTPS was for."), \
      BW_METHOD(C, "getHTTPPath", GetHttpPath, "", "Its path, without the query string."),         \
      BW_METHOD(C, "getHTTPQueryString", GetHttpQuery, "",                                         \
                "Its query string, with the question mark."),                                      \
      BW_METHOD(C, "getHTTPScheme", GetHttpScheme, "", "Its scheme: http or https."),              \
      BW_METHOD(C, "getIncomingInterface", GetInterface, "", "The interface of its listener."),    \
      BW_METHOD(C, "getProtocol", GetProtocol, "", "How it came: \"Do53 UDP\" and so on."),        \
      BW_METHOD(C, "getProxyProtocolValues", GetProxyValues, "",                                   \
                "The values of the PROXY protocol, from types to texts."),                         \
      BW_METHOD(C, "getQueryTime", QueryTime, "", "When it came: tv_sec and tv_nsec."),            \
      BW_METHOD(C, "getServerNameIndication", GetServerName, "",                                   \
                "The name in the client's TLS handshake, or an empty text."),                      \
      BW_METHOD(C, "getSpanID", TraceNumber, "", "Nil: queries are not traced."),                  \
      BW_METHOD(C, "getTag", GetTag, "key", "A tag, or an empty text."),                           \
      BW_METHOD(C, "getTagArray", GetTags, "", "All tags by name."),                               \
      BW_METHOD(C, "getTraceID", TraceNumber, "", "Nil: queries are not traced."),                 \
      BW_METHOD(C, "getTrailingData", GetTrailingData, "", "What stands behind the last record."), \
      BW_METHOD(C, "sendTrap", SendTrap, "[reason]",                                               \
                "Does nothing: there is no SNMP agent, whose trap it would send."),                \
      BW_METHOD(C, "setContent", SetContent, "data", "Replaces the whole message but its ID."),    \
      BW_METHOD(C, "setEDNSOption", SetOption, "code, data", "Sets an EDNS option."),              \
      BW_METHOD(C, "setExtendedDNSError", ExtendedError,                                           \
                "infoCode [, extraText [, clearExistingEntries]]",                                 \
                "Adds an extended error to the answer."),                                          \
      BW_METHOD(C, "setHeader", SetHeader, "header", "Overwrites the header."),                    \
      BW_METHOD(C, "setMetaKey", SetMeta, "key, values",                                           \
                "Tells collectors of protobuf texts and whole numbers under that key."),           \
      BW_METHOD(C, "setTag", SetTag, "key, value", "Sets a tag."),                                 \
      BW_METHOD(C, "setTagArray", SetTags, "tags", "Sets tags by name."),                          \
      BW_METHOD(C, "setTrailingData", SetTrailingData, "tail",                                     \
                "Replaces what stands behind the last record."),                                   \
      BW_METHOD(                                                                                   \
          C, "suspend", SuspendQuestion, "asyncID, queryID, timeoutMS",                            \
          "Holds it back until a script takes it with getAsynchronousObject(), or time is "        \
          "up; false where it goes on, as where 65,536 are held already, or 512 MiB. It must "     \
          "not be used any more after true."),                                                     \
      BW_METHOD(C, "unsetTag", UnsetTag, "key", "Removes a tag.")

constexpr FunctionRow kQuestionMethods[] = {
    BW_METHODS("DNSQuestion"),
    {"addProxyProtocolValue", Bind<&AddValue>, "DNSQuestion:addProxyProtocolValue(type, value)",
     "Adds a value to what a server with useProxyProtocol is told.", kAny},
    {"setHTTPResponse", Bind<&SetHttpResponse>,
     "DNSQuestion:setHTTPResponse(status, body, contentType=\"\")",
     "What a request over HTTPS is answered with, once the query is an answer.", kAny},
    {"setNegativeAndAdditionalSOA", Bind<&SetNegativeAndSoa>,
     "DNSQuestion:setNegativeAndAdditionalSOA(nxd, zone, ttl, mname, rname, serial, refresh, "
     "retry, "
     "expire, minimum) -> bool",
     "Answers that there is nothing, with a SOA in the additional section.", kAny},
    {"setProxyProtocolValues", Bind<&SetValues>, "DNSQuestion:setProxyProtocolValues(values)",
     "Replaces the values that a server with useProxyProtocol is told.", kAny},
    {"setRestartable", Bind<&SetRestartable>, "DNSQuestion:setRestartable()",
     "Keeps the query as it is now for DNSResponse:restart().", kAny},
    {"spoof", Bind<&ReadSpoof>, "DNSQuestion:spoof(ip | ips | raw | raws [, typeForAny])",
     "Answers with these records.", kAny},
};
constexpr FunctionRow kResponseMethods[] = {
    BW_METHODS("DNSResponse"),
    {"editTTLs", Bind<&EditTtls>, "DNSResponse:editTTLs(function(section, class, type, ttl))",
     "Gives each record the TTL that the function returns.", kAny},
    {"getRestartCount", Bind<&RestartCount>, "DNSResponse:getRestartCount() -> int",
     "How often it was restarted.", kAny},
    {"getSelectedBackend", Bind<&SelectedBackend>, "DNSResponse:getSelectedBackend() -> Server",
     "The server that answered, or nil.", kAny},
    {"getStaleCacheHit", Bind<&StaleHit>, "DNSResponse:getStaleCacheHit() -> bool",
     "Whether it is an expired answer from the cache.", kAny},
    {"restart", Bind<&Restart>, "DNSResponse:restart() -> bool",
     "Throws the answer away and sends the query that setRestartable() kept, to dr.pool.", kAny},
};

#define BW_GET(name, get, help) \
  { name, Bind<&get>, nullptr, help }
#define BW_BOTH(name, get, set, help) \
  { name, Bind<&get>, Bind<&set>, help }
#define BW_EXTRA(name, member, help) \
  { name, Bind<&GetExtra<&QueryExtras::member>>, Bind<&SetExtra<&QueryExtras::member>>, help }
#define BW_ATTRIBUTES                                                                       \
  BW_EXTRA("deviceID", device_id, "Named in protobuf messages."),                           \
      BW_EXTRA("deviceName", device_name, "Named in protobuf messages."),                   \
      BW_GET("dh", GetDh, "The header; changes take effect at once."),                      \
      BW_BOTH("ecsOverride", GetEcsOverride, SetEcsOverride, "Replaces the client's own."), \
      BW_BOTH("ecsPrefixLength", GetEcsPrefix, SetEcsPrefix, "Bits of the client told."),   \
      BW_GET("len", GetSize, "The size of the message."),                                   \
      BW_GET("localaddr", GetLocal, "The address that was asked."),                         \
      BW_GET("opcode", GetOpcode, "The message's opcode."),                                 \
      BW_BOTH("pool", GetPool, SetPool, "The pool it goes to."),                            \
      BW_GET("qclass", GetClass, "The class asked for."),                                   \
      BW_GET("qname", GetName, "The name asked for."),                                      \
      BW_GET("qtype", GetType, "The type asked for."),                                      \
      BW_BOTH("rcode", GetRCode, SetRCode, "The rcode of the header."),                     \
      BW_GET("remoteaddr", GetRemote, "The client."),                                       \
      BW_EXTRA("requestorID", requestor_id, "Named in protobuf messages."),                 \
      BW_GET("size", GetSize, "The size of the message."),                                  \
      BW_BOTH("skipCache", GetSkipCache, SetSkipCache, "Leaves the cache out."),            \
      BW_GET("tcp", GetTcp, "Whether it came over a stream."),                              \
      BW_BOTH("tempFailureTTL", GetTempFailureTtl, SetTempFailureTtl,                       \
              "How long a failure is cached."),                                             \
      BW_BOTH("useECS", GetUseEcs, SetUseEcs, "Whether a client subnet is sent.")

constexpr AttributeRow kQuestionAttributes[] = {BW_ATTRIBUTES};
constexpr AttributeRow kResponseAttributes[] = {BW_ATTRIBUTES};

std::string Dead(const QuestionView& view) {
  return view.query != nullptr ? "" : "the query is over: it must not be kept";
}

const ClassRow kQuestionClass = {
    "DNSQuestion",
    kQuestionMethods,
    kQuestionAttributes,
    nullptr,
    nullptr,
    nullptr,
    [](const void* object) { return Dead(*static_cast<const QuestionView*>(object)); },
    "A query, in a Lua rule or policy."};
const ClassRow kResponseClass = {
    "DNSResponse",
    kResponseMethods,
    kResponseAttributes,
    nullptr,
    nullptr,
    nullptr,
    [](const void* object) { return Dead(*static_cast<const ResponseView*>(object)); },
    "An answer, in a Lua response rule."};

}  // namespace

const ClassRow& QuestionClass() {
  return kQuestionClass;
}
const ClassRow& ResponseClass() {
  return kResponseClass;
}

}  // namespace breakwater::lua
