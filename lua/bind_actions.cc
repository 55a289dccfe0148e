// Actions: what a rule does with a query.
#include <fmt/format.h>

#include "lua/bindings.h"
#include "lua/negative_answer.h"
#include "lua/proxy_values.h"
#include "lua/rule_objects.h"
#include "lua/side_tasks.h"
#include "proxy/rules/actions/answer_actions.h"
#include "proxy/rules/actions/edns_actions.h"
#include "proxy/rules/actions/flow_actions.h"
#include "proxy/rules/actions/http_actions.h"
#include "proxy/rules/actions/log_actions.h"
#include "proxy/rules/actions/set_actions.h"
#include "proxy/rules/actions/spoof_actions.h"

namespace breakwater::lua {
namespace {

void ReadFlags(Options& options, AnswerFlags* flags) {
  options.Read("aa", &flags->aa);
  options.Read("ad", &flags->ad);
  options.Read("ra", &flags->ra);
}

TextResult<ActionPtr> RCode(uint8_t rcode, Options options) {
  AnswerFlags flags;
  ReadFlags(options, &flags);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return MakeRCodeAction(rcode, flags);
}

TextResult<ActionPtr> ERCode(uint16_t rcode, Options options) {
  AnswerFlags flags;
  ReadFlags(options, &flags);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return MakeERCodeAction(rcode, flags);
}

TextResult<ActionPtr> HttpStatus(uint16_t status, const std::string& body,
                                 const std::optional<std::string>& content_type, Options options) {
  HttpAnswer answer{
      .status = status, .body = body, .content_type = content_type.value_or(""), .flags = {}};
  ReadFlags(options, &answer.flags);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  if (status < 200 || status > 599) return Fail(fmt::format("{} is no status of HTTP", status));
  if (body.size() > kMaxHttpBody) {
    return Fail(fmt::format("a body of {} bytes, at most {}", body.size(), kMaxHttpBody));
  }
  return MakeHttpStatusAction(std::move(answer));
}

TextResult<SpoofOptions> ReadSpoof(Options& options) {
  SpoofOptions spoof;
  uint32_t type = 0;
  ReadFlags(options, &spoof.flags);
  options.Read("ttl", &spoof.ttl);
  if (options.Read("typeForAny", &type) && type > 0 && type <= 65535) {
    spoof.type_for_any = static_cast<dns::Type>(type);
  }
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return spoof;
}

// SpoofAction(ip), SpoofAction({ips}), and SpoofAction(ip, ip6) of old files.
TextResult<ActionPtr> Spoof(Call& call,
                            const std::variant<AddressArg, std::vector<AddressArg>>& what) {
  std::vector<Address> addresses;
  if (const auto* one = std::get_if<AddressArg>(&what)) {
    addresses.push_back(one->address);
  } else {
    for (const AddressArg& item : std::get<std::vector<AddressArg>>(what)) {
      addresses.push_back(item.address);
    }
  }
  int at = 2;
  if (Reader<AddressArg>::Accepts(call.state(), 2)) {
    const auto second = Reader<AddressArg>::Read(call, 2);
    if (!second) return Fail(second.error());
    addresses.push_back(second->address);
    at = 3;
  }
  auto options = Reader<Options>::Read(call, at);
  if (!options) return Fail(std::move(options.error()));
  const auto spoof = ReadSpoof(*options);
  if (!spoof) return Fail(spoof.error());
  return MakeSpoofAction(std::move(addresses), *spoof);
}

TextResult<ActionPtr> SpoofCname(const NameArg& target, Options options) {
  const auto spoof = ReadSpoof(options);
  if (!spoof) return Fail(spoof.error());
  return MakeSpoofCnameAction(target.name, *spoof);
}

TextResult<ActionPtr> SpoofRawData(const StringOrList& rdata, Options options) {
  const auto spoof = ReadSpoof(options);
  if (!spoof) return Fail(spoof.error());
  return MakeSpoofRawAction(rdata.items, *spoof);
}

TextResult<ActionPtr> SpoofPacket(const std::string& packet, size_t length) {
  if (length > packet.size()) return Fail(std::string("the packet is shorter than that"));
  return MakeSpoofPacketAction(packet.substr(0, length));
}

template <typename T>
void ReadInto(Call& call, int index, T* value, std::string* error) {
  auto read = Reader<T>::Read(call, index);
  if (read) {
    *value = std::move(*read);
  } else if (error->empty()) {
    *error = std::move(read.error());
  }
}

TextResult<ActionPtr> NegativeAndSoaFrom(Call& call) {
  auto read = ReadNegativeAndSoa(call, 1);
  if (!read) return Fail(std::move(read.error()));
  Options options;
  std::string error;
  ReadInto(call, 11, &options, &error);
  if (!error.empty()) return Fail(std::move(error));
  ReadFlags(options, &read->flags);
  options.Read("soaInAuthoritySection", &read->soa_in_authority);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return MakeNegativeAndSoaAction(*read);
}

AfterPool After(const std::optional<bool>& stop) {
  return stop.value_or(true) ? AfterPool::kStop : AfterPool::kNextRule;
}
ActionPtr PoolByName(const std::string& pool, std::optional<bool> stop) {
  return MakePoolAction(pool, After(stop));
}
ActionPtr QpsPool(uint32_t qps, const std::string& pool, std::optional<bool> stop) {
  return MakeQpsPoolAction(qps, pool, After(stop));
}
ActionPtr Continue(const ActionPtr& inner) {
  return MakeContinueAction(inner);
}

ActionPtr EcsOverrideTo(bool replace) {
  return MakeSetEcsOverrideAction(replace ? EcsOverride::kReplace : EcsOverride::kKeep);
}
TextResult<ActionPtr> EcsPrefixLength(uint8_t v4, uint8_t v6) {
  if (v4 > 32 || v6 > 128) return Fail(std::string("a prefix has at most 32 or 128 bits"));
  return MakeSetEcsPrefixLengthAction(v4, v6);
}
ActionPtr SetEcs(const NetmaskArg& v4, const std::optional<NetmaskArg>& v6) {
  return MakeSetEcsAction(v4.netmask, v6 ? std::optional<Netmask>(v6->netmask) : std::nullopt);
}

ActionPtr ExtendedError(uint16_t code, const std::optional<std::string>& text,
                        std::optional<bool> clear) {
  return MakeSetExtendedDnsErrorAction({code, text.value_or(""), clear.value_or(true)});
}

ActionPtr ProxyValuesFrom(const ProxyValuesArg& values) {
  return MakeSetProxyValuesAction(values.values);
}

TextResult<ActionPtr> Log(Call& call) {
  LogActionOptions options;
  LogFileOptions how;
  std::string path, error;
  const auto read = [&](int index, auto* value) {
    if (!lua_isnoneornil(call.state(), index)) ReadInto(call, index, value, &error);
  };
  read(1, &path);
  read(2, &options.binary);
  read(3, &how.append);
  read(4, &how.buffered);
  read(5, &options.verbose_only);
  read(6, &options.include_timestamp);
  if (!error.empty()) return Fail(std::move(error));
  auto file = OpenLogFile(call, path, how);
  if (!file) return Fail(std::move(file.error()));
  options.file = std::move(*file);
  return MakeLogAction(options);
}

#define BW_ROW(name, function, parameters, help) \
  { name, Bind<&function>, name "(" parameters ") -> DNSAction", help }
#define BW_OLD(name, function, parameters, newer) \
  BW_ROW(name, function, parameters, "An older name of " newer ".")
constexpr FunctionRow kFunctions[] = {
    BW_ROW("AllowAction", MakeAllowAction, "", "Lets the query pass all other rules."),
    BW_ROW("ContinueAction", Continue, "action", "Does what the action does, and rules go on."),
    BW_ROW("DelayAction", MakeDelayAction, "milliseconds", "Holds the answer back, over UDP."),
    BW_OLD("DisableECSAction", MakeSetDisableEcsAction, "", "SetDisableECSAction"),
    BW_OLD("DisableValidationAction", MakeSetDisableValidationAction, "",
           "SetDisableValidationAction"),
    BW_ROW("DropAction", MakeDropAction, "", "Drops the query."),
    BW_OLD("ECSOverrideAction", EcsOverrideTo, "override", "SetECSOverrideAction"),
    BW_OLD("ECSPrefixLengthAction", EcsPrefixLength, "v4, v6", "SetECSPrefixLengthAction"),
    BW_ROW("ERCodeAction", ERCode, "rcode [, options]", "Answers with an extended rcode."),
    BW_ROW("HTTPStatusAction", HttpStatus, "status, body, contentType=\"\" [, options]",
           "Answers requests over HTTPS with that status and body."),
    BW_ROW("LogAction", Log,
           "[filename[, binary[, append[, buffered[, verboseOnly[, includeTimestamp]]]]]]",
           "Logs the query, and rules go on."),
    BW_ROW("NegativeAndSOAAction", NegativeAndSoaFrom,
           "nxd, zone, ttl, mname, rname, serial, refresh, retry, expire, minimum [, options]",
           "Answers that there is nothing, with a SOA."),
    BW_OLD("NoRecurseAction", MakeSetNoRecurseAction, "", "SetNoRecurseAction"),
    BW_ROW("NoneAction", MakeNoneAction, "", "Does nothing, and rules go on."),
    BW_ROW("PoolAction", PoolByName, "poolname [, stop]", "Sends the query to a pool."),
    BW_ROW("QPSAction", MakeQpsAction, "maxqps", "Drops what is above that rate."),
    BW_ROW("QPSPoolAction", QpsPool, "maxqps, poolname [, stop]",
           "Sends queries to a pool up to that rate."),
    BW_ROW("RCodeAction", RCode, "rcode [, options]", "Answers with an rcode."),
    BW_ROW("SetAdditionalProxyProtocolValueAction", MakeAddProxyValueAction, "type, value",
           "Adds a value to what a server with useProxyProtocol is told, and rules go on."),
    BW_ROW("SetDisableECSAction", MakeSetDisableEcsAction, "",
           "Sends the query without a client subnet."),
    BW_ROW("SetDisableValidationAction", MakeSetDisableValidationAction, "",
           "Sets CD, and rules go on."),
    BW_ROW("SetECSAction", SetEcs, "v4 [, v6]", "Tells the server this network as the client's."),
    BW_ROW("SetECSOverrideAction", EcsOverrideTo, "override",
           "Replaces a client subnet that the client sent."),
    BW_ROW("SetECSPrefixLengthAction", EcsPrefixLength, "v4, v6",
           "How many bits of the client the server is told."),
    BW_ROW("SetEDNSOptionAction", MakeSetEdnsOptionAction, "option, data",
           "Sets an EDNS option, and rules go on."),
    BW_ROW("SetExtendedDNSErrorAction", ExtendedError,
           "infoCode [, extraText [, clearExistingEntries]]",
           "Adds an extended error to the answer."),
    BW_ROW("SetMaxReturnedTTLAction", MakeSetMaxReturnedTtlAction, "max",
           "Caps the TTLs that the client gets."),
    BW_OLD("SetNegativeAndSOAAction", NegativeAndSoaFrom,
           "nxd, zone, ttl, mname, rname, serial, refresh, retry, expire, minimum [, options]",
           "NegativeAndSOAAction"),
    BW_ROW("SetNoRecurseAction", MakeSetNoRecurseAction, "", "Clears RD, and rules go on."),
    BW_ROW("SetProxyProtocolValuesAction", ProxyValuesFrom, "values",
           "Replaces the values that a server with useProxyProtocol is told, and rules go on."),
    BW_ROW("SetSkipCacheAction", MakeSetSkipCacheAction, "",
           "Neither looks the query up in the cache nor stores its answer."),
    BW_ROW("SetTagAction", MakeSetTagAction, "name, value", "Sets a tag, and rules go on."),
    BW_ROW("SetTempFailureCacheTTLAction", MakeSetTempFailureCacheTtlAction, "ttl",
           "How long a SERVFAIL or REFUSED for it is cached."),
    BW_OLD("SkipCacheAction", MakeSetSkipCacheAction, "", "SetSkipCacheAction"),
    BW_ROW("SpoofAction", Spoof, "ip [, ip6] | ips [, options]", "Answers with these addresses."),
    BW_ROW("SpoofCNAMEAction", SpoofCname, "cname [, options]", "Answers with a CNAME."),
    BW_ROW("SpoofPacketAction", SpoofPacket, "rawPacket, len", "Answers with that packet."),
    BW_ROW("SpoofRawAction", SpoofRawData, "rawAnswer | rawAnswers [, options]",
           "Answers with records of that content."),
    BW_ROW("TCAction", MakeTcAction, "",
           "Answers with TC over UDP, so that the client asks over TCP."),
    BW_OLD("TagAction", MakeSetTagAction, "name, value", "SetTagAction"),
    BW_OLD("TempFailureCacheTTLAction", MakeSetTempFailureCacheTtlAction, "ttl",
           "SetTempFailureCacheTTLAction"),
    BW_ROW("UnsetTagAction", MakeUnsetTagAction, "name", "Removes a tag, and rules go on."),
};
#undef BW_ROW
#undef BW_OLD

}  // namespace

FunctionPage ActionFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
