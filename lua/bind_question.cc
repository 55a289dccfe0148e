// DNSQuestion (dq) and DNSResponse (dr): what Lua rules and policies look at and change.
#include <fmt/format.h>

#include "lua/dns_header.h"
#include "lua/object_args.h"
#include "lua/question_view.h"
#include "lua/script_bindings.h"
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/edns_actions.h"
#include "proxy/rules/actions/set_actions.h"
#include "proxy/rules/spoof.h"

namespace breakwater::lua {
namespace {

template <typename V>
struct View {
  static Address GetRemote(const V& v) { return v.query->client; }
  static Address GetLocal(const V& v) { return v.query->local; }
  static dns::Name GetName(const V& v) { return v.query->NameCopy(); }
  static uint16_t GetType(const V& v) { return static_cast<uint16_t>(v.query->question.type); }
  static uint16_t GetClass(const V& v) { return static_cast<uint16_t>(v.query->question.cls); }
  static int GetOpcode(const V& v) { return static_cast<int>(v.query->header().opcode()); }
  static int GetRCode(const V& v) { return static_cast<int>(v.query->header().rcode()); }
  static void SetRCode(V& v, uint8_t rcode) {
    v.query->header().set_rcode(static_cast<dns::RCode>(rcode));
  }
  static bool GetTcp(const V& v) { return v.query->tcp(); }
  static size_t GetSize(const V& v) { return v.query->size; }
  static bool GetSkipCache(const V& v) { return v.query->skip_cache; }
  static void SetSkipCache(V& v, bool skip) { v.query->skip_cache = skip; }
  static bool GetUseEcs(const V& v) { return v.query->use_ecs; }
  static void SetUseEcs(V& v, bool use) { v.query->use_ecs = use; }
  static bool GetEcsOverride(const V& v) { return v.query->ecs_override; }
  static void SetEcsOverride(V& v, bool replace) {
    v.query->ecs_override = replace;
    v.query->ecs_override_set = true;
  }
  static int GetEcsPrefix(const V& v) {
    return v.query->client.IsV6() ? v.query->ecs_prefix_v6 : v.query->ecs_prefix_v4;
  }
  static void SetEcsPrefix(V& v, uint8_t bits) {
    v.query->ecs_prefix_v4 = std::min<uint8_t>(bits, 32);
    v.query->ecs_prefix_v6 = std::min<uint8_t>(bits, 128);
    v.query->ecs_prefix_set = true;
  }
  static std::optional<uint32_t> GetTempFailureTtl(const V& v) { return v.query->temp_failure_ttl; }
  static void SetTempFailureTtl(V& v, std::optional<uint32_t> ttl) {
    v.query->temp_failure_ttl = ttl;
  }
  static std::string GetPool(const V& v) { return v.query->pool_name; }
  static void SetPool(V& v, const std::string& pool) {
    v.query->pool_name = pool;
    v.query->pool_set = true;
  }
  template <std::string QueryExtras::*Member>
  static std::string GetExtra(const V& v) {
    const QueryExtras* extras = v.query->extras();
    return extras == nullptr ? std::string() : extras->*Member;
  }
  template <std::string QueryExtras::*Member>
  static void SetExtra(V& v, const std::string& text) {
    v.query->Extras().*Member = text;
  }

  // --- header
  static DnsHeader GetHeader(const V& v) { return DnsHeader(v.query->data); }
  static void SetHeader(V& v, const DnsHeader& header) {
    std::memcpy(v.query->data, header.bytes().data(), dns::kHeaderSize);
  }
  static void WriteBack(const DnsHeader& header, const std::shared_ptr<void>& owner) {
    auto* v = static_cast<V*>(owner.get());
    if (v->query != nullptr) SetHeader(*v, header);
  }
  static std::shared_ptr<DnsHeader> GetDh(const std::shared_ptr<V>& v) {
    auto header = std::make_shared<DnsHeader>(v->query->data);
    header->write_back = WriteBack;
    header->owner = v;
    return header;
  }

  // --- tags
  static std::string GetTag(const V& v, const std::string& key) {
    const std::string* value = v.query->FindTag(key);
    return value == nullptr ? std::string() : *value;
  }
  static void SetTag(V& v, const std::string& key, const std::string& value) {
    v.query->SetTag(key, value);
  }
  static void UnsetTag(V& v, const std::string& key) { v.query->UnsetTag(key); }
  static Pushed GetTags(Call& call, const V& v) {
    lua_newtable(call.state());
    if (const QueryExtras* extras = v.query->extras()) {
      for (const auto& [key, value] : extras->tags) {
        Push(call.state(), value);
        lua_setfield(call.state(), -2, key.c_str());
      }
    }
    return {1};
  }
  static TextResult<void> SetTags(Call& call, V& v) {
    if (!IsTable(call.state(), 2)) return Fail(TypeError(call, 2, "table"));
    lua_pushnil(call.state());
    while (lua_next(call.state(), 2) != 0) {
      v.query->SetTag(PlainText(call.state(), -2), PlainText(call.state(), -1));
      lua_pop(call.state(), 1);
    }
    return {};
  }

  // --- content
  static std::string GetContent(const V& v) {
    return std::string(reinterpret_cast<const char*>(v.query->data), v.query->size);
  }
  static bool GetDo(const V& v) { return v.query->edns.dnssec_ok; }
  static std::string GetProtocol(const V& v) {
    return std::string(ProtocolName(v.query->protocol));
  }
  static std::string GetInterface(const V& v) {
    return v.query->frontend == nullptr ? "" : v.query->frontend->settings.interface;
  }
  static TextResult<double> ElapsedUs(const V& v) {
    if (v.context == nullptr) return Fail(std::string("cannot be told in a policy"));
    return static_cast<double>((v.context->now - v.query->arrived).us());
  }
  static void ExtendedError(V& v, uint16_t code, const std::optional<std::string>& text,
                            std::optional<bool> clear) {
    NoteExtendedError(*v.query, {code, text.value_or(""), clear.value_or(true)});
  }
  static TextResult<bool> SetOption(V& v, uint16_t code, const std::string& data) {
    if (v.context == nullptr) return Fail(std::string("cannot be done in a policy"));
    return SetEdnsOption(*v.query, v.context->packets, code, data);
  }
};

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
int RestartCount(const ResponseView& v) {
  return v.query->restarts;
}

constexpr Scope kAny = Scope::kAnywhere;
#define BW_METHOD(C, V, name, function, parameters, help) \
  { name, Bind<&View<V>::function>, C ":" name "(" parameters ")", help, kAny }
#define BW_METHODS(C, V)                                                                           \
  BW_METHOD(C, V, "getContent", GetContent, "", "The whole message."),                             \
      BW_METHOD(C, V, "getDO", GetDo, "", "Whether the query has DO."),                            \
      BW_METHOD(C, V, "getElapsedUs", ElapsedUs, "", "Microseconds since it came."),               \
      BW_METHOD(C, V, "getHeader", GetHeader, "", "A copy of the header."),                        \
      BW_METHOD(C, V, "getIncomingInterface", GetInterface, "", "The interface of its listener."), \
      BW_METHOD(C, V, "getProtocol", GetProtocol, "", "How it came: DoUDP and so on."),            \
      BW_METHOD(C, V, "getTag", GetTag, "key", "A tag, or an empty text."),                        \
      BW_METHOD(C, V, "getTagArray", GetTags, "", "All tags by name."),                            \
      BW_METHOD(C, V, "setEDNSOption", SetOption, "code, data", "Sets an EDNS option."),           \
      BW_METHOD(C, V, "setExtendedDNSError", ExtendedError,                                        \
                "infoCode [, extraText [, clearExistingEntries]]",                                 \
                "Adds an extended error to the answer."),                                          \
      BW_METHOD(C, V, "setHeader", SetHeader, "header", "Overwrites the header."),                 \
      BW_METHOD(C, V, "setTag", SetTag, "key, value", "Sets a tag."),                              \
      BW_METHOD(C, V, "setTagArray", SetTags, "tags", "Sets tags by name."),                       \
      BW_METHOD(C, V, "unsetTag", UnsetTag, "key", "Removes a tag.")

constexpr FunctionRow kQuestionMethods[] = {
    BW_METHODS("DNSQuestion", QuestionView),
    {"spoof", Bind<&ReadSpoof>, "DNSQuestion:spoof(ip | ips | raw | raws [, typeForAny])",
     "Answers with these records.", kAny},
};
constexpr FunctionRow kResponseMethods[] = {
    BW_METHODS("DNSResponse", ResponseView),
    {"getRestartCount", Bind<&RestartCount>, "DNSResponse:getRestartCount() -> int",
     "How often it was restarted.", kAny},
    {"getSelectedBackend", Bind<&SelectedBackend>, "DNSResponse:getSelectedBackend() -> Server",
     "The server that answered, or nil.", kAny},
    {"getStaleCacheHit", Bind<&StaleHit>, "DNSResponse:getStaleCacheHit() -> bool",
     "Whether it is an expired answer from the cache.", kAny},
};

#define BW_GET(V, name, get, help) \
  { name, Bind<&View<V>::get>, nullptr, help }
#define BW_BOTH(V, name, get, set, help) \
  { name, Bind<&View<V>::get>, Bind<&View<V>::set>, help }
#define BW_EXTRA(V, name, member, help)                               \
  {                                                                   \
    name, Bind<&View<V>::template GetExtra<&QueryExtras::member>>,    \
        Bind<&View<V>::template SetExtra<&QueryExtras::member>>, help \
  }
#define BW_ATTRIBUTES(V)                                                                       \
  BW_EXTRA(V, "deviceID", device_id, "Named in protobuf messages."),                           \
      BW_EXTRA(V, "deviceName", device_name, "Named in protobuf messages."),                   \
      BW_GET(V, "dh", GetDh, "The header; changes take effect at once."),                      \
      BW_BOTH(V, "ecsOverride", GetEcsOverride, SetEcsOverride, "Replaces the client's own."), \
      BW_BOTH(V, "ecsPrefixLength", GetEcsPrefix, SetEcsPrefix, "Bits of the client told."),   \
      BW_GET(V, "len", GetSize, "The size of the message."),                                   \
      BW_GET(V, "localaddr", GetLocal, "The address that was asked."),                         \
      BW_GET(V, "opcode", GetOpcode, "The message's opcode."),                                 \
      BW_BOTH(V, "pool", GetPool, SetPool, "The pool it goes to."),                            \
      BW_GET(V, "qclass", GetClass, "The class asked for."),                                   \
      BW_GET(V, "qname", GetName, "The name asked for."),                                      \
      BW_GET(V, "qtype", GetType, "The type asked for."),                                      \
      BW_BOTH(V, "rcode", GetRCode, SetRCode, "The rcode of the header."),                     \
      BW_GET(V, "remoteaddr", GetRemote, "The client."),                                       \
      BW_EXTRA(V, "requestorID", requestor_id, "Named in protobuf messages."),                 \
      BW_GET(V, "size", GetSize, "The size of the message."),                                  \
      BW_BOTH(V, "skipCache", GetSkipCache, SetSkipCache, "Leaves the cache out."),            \
      BW_GET(V, "tcp", GetTcp, "Whether it came over a stream."),                              \
      BW_BOTH(V, "tempFailureTTL", GetTempFailureTtl, SetTempFailureTtl,                       \
              "How long a failure is cached."),                                                \
      BW_BOTH(V, "useECS", GetUseEcs, SetUseEcs, "Whether a client subnet is sent.")

constexpr AttributeRow kQuestionAttributes[] = {BW_ATTRIBUTES(QuestionView)};
constexpr AttributeRow kResponseAttributes[] = {BW_ATTRIBUTES(ResponseView)};

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
