// Selectors: the functions called ...Rule.
#include <fmt/format.h>

#include <algorithm>

#include "lua/bindings.h"
#include "lua/rule_objects.h"
#include "proxy/rules/selectors/client_selectors.h"
#include "proxy/rules/selectors/http_selectors.h"
#include "proxy/rules/selectors/logic_selectors.h"
#include "proxy/rules/selectors/message_selectors.h"
#include "proxy/rules/selectors/name_selectors.h"
#include "proxy/rules/selectors/pool_selectors.h"
#include "proxy/rules/selectors/rate_selectors.h"
#include "proxy/rules/selectors/regex_selectors.h"

namespace breakwater::lua {
namespace {

std::vector<SelectorPtr> Parts(const std::vector<SelectorArg>& list) {
  std::vector<SelectorPtr> parts;
  for (const SelectorArg& item : list) parts.push_back(item.selector);
  return parts;
}

SelectorPtr And(const std::vector<SelectorArg>& parts) {
  return MakeAndSelector(Parts(parts));
}
SelectorPtr Or(const std::vector<SelectorArg>& parts) {
  return MakeOrSelector(Parts(parts));
}
SelectorPtr Not(const SelectorArg& part) {
  return MakeNotSelector(part.selector);
}

SelectorPtr Netmasks(const NetmasksArg& masks, std::optional<bool> source,
                     std::optional<bool> quiet) {
  return MakeNetmaskSelector(
      masks.group, {.destination = !source.value_or(true), .quiet = quiet.value_or(false)});
}

SelectorPtr Tcp(bool tcp) {
  return tcp ? MakeTcpSelector() : MakeUdpSelector();
}

SelectorPtr Tag(const std::string& name, const std::optional<std::string>& value) {
  return MakeTagSelector(name, value);
}

SelectorPtr ProxyValue(uint8_t type, const std::optional<std::string>& value) {
  return MakeProxyValueSelector(type, value.value_or(""));
}

TextResult<SelectorPtr> QType(const std::variant<uint16_t, std::string>& type) {
  if (const auto* number = std::get_if<uint16_t>(&type)) {
    return MakeQTypeSelector(static_cast<dns::Type>(*number));
  }
  const auto parsed = dns::ParseType(std::get<std::string>(type));
  if (!parsed) return Fail("unknown type '" + std::get<std::string>(type) + "'");
  return MakeQTypeSelector(*parsed);
}

SelectorPtr QClass(uint16_t cls) {
  return MakeQClassSelector(static_cast<dns::Class>(cls));
}

TextResult<dns::Section> ToSection(uint8_t section) {
  if (section > 3) return Fail(std::string("the section must be one of DNSSection"));
  return static_cast<dns::Section>(section);
}

TextResult<SelectorPtr> RecordsCount(uint8_t section, uint16_t min, uint16_t max) {
  const auto which = ToSection(section);
  if (!which) return Fail(which.error());
  return MakeRecordsCountSelector(*which, {min, max});
}

TextResult<SelectorPtr> RecordsTypeCount(uint8_t section, uint16_t type, uint16_t min,
                                         uint16_t max) {
  const auto which = ToSection(section);
  if (!which) return Fail(which.error());
  return MakeRecordsTypeCountSelector(*which, static_cast<dns::Type>(type), {min, max});
}

SelectorPtr QName(const NameArg& name) {
  return MakeQNameSelector(name.name);
}
SelectorPtr QNameSet(const NameSet& set) {
  return MakeQNameSetSelector(set);
}

SelectorPtr Suffixes(const NamesArg& names, std::optional<bool> quiet) {
  SuffixMatchTree tree;
  for (const dns::Name& name : names.names) tree.Add(name);
  return MakeQNameSuffixSelector(std::move(tree), {.quiet = quiet.value_or(false)});
}

SelectorPtr MaxQps(uint32_t qps, std::optional<uint32_t> burst) {
  return MakeMaxQpsSelector(qps, burst.value_or(qps));
}

template <typename T>
TextResult<void> ReadOptional(Call& call, int index, T* value) {
  auto read = Reader<std::optional<T>>::Read(call, index);
  if (!read) return Fail(std::move(read.error()));
  if (*read) *value = **read;
  return {};
}

TextResult<SelectorPtr> MaxQpsIp(Call& call, uint32_t qps) {
  IpLimitSettings settings;
  settings.qps = qps;
  settings.burst = qps;
  TextResult<void> good;
  const auto read = [&](int index, auto* value) {
    if (good) good = ReadOptional(call, index, value);
  };
  read(2, &settings.mask_v4);
  read(3, &settings.mask_v6);
  read(4, &settings.burst);
  read(5, &settings.expiration_s);
  read(6, &settings.cleanup_delay_s);
  read(7, &settings.scan_fraction);
  read(8, &settings.shards);
  if (!good) return Fail(std::move(good.error()));
  if (settings.scan_fraction == 0 || settings.shards == 0) {
    return Fail(std::string("scanFraction and shards must be at least 1"));
  }
  constexpr uint32_t kMostShards = 65'536;
  if (settings.shards > kMostShards) {
    return Fail(fmt::format("there are at most {} shards, not {}", kMostShards, settings.shards));
  }
  return MakeMaxQpsIpSelector(settings);
}

TextResult<SelectorPtr> Proba(double probability) {
  if (!(probability >= 0 && probability <= 1)) return Fail(std::string("must be 0 to 1"));
  return MakeProbaSelector(probability);
}

#define BW_ROW(name, function, parameters, help) \
  { name, Bind<&function>, name "(" parameters ") -> DNSRule", help }
constexpr FunctionRow kFunctions[] = {
    BW_ROW("AllRule", MakeAllSelector, "", "Matches everything."),
    BW_ROW("AndRule", And, "selectors", "Matches where all of them do."),
    BW_ROW("DNSSECRule", MakeDnssecSelector, "", "Matches queries with DO or CD."),
    BW_ROW("DSTPortRule", MakeDstPortSelector, "port", "Matches what was sent to that port."),
    BW_ROW("EDNSOptionRule", MakeEdnsOptionSelector, "optcode",
           "Matches where the EDNS option is there."),
    BW_ROW("EDNSVersionRule", MakeEdnsVersionSelector, "version",
           "Matches EDNS versions above that one."),
    BW_ROW("ERCodeRule", MakeERCodeSelector, "rcode", "Matches answers of that extended rcode."),
    BW_ROW("HTTPHeaderRule", MakeHttpHeaderSelector, "name, regex",
           "Matches requests over HTTPS by a header, where headers are kept."),
    BW_ROW("HTTPPathRegexRule", MakeHttpPathRegexSelector, "regex",
           "Matches requests over HTTPS by an expression for their path."),
    BW_ROW("HTTPPathRule", MakeHttpPathSelector, "path",
           "Matches requests over HTTPS for exactly that path."),
    BW_ROW("IncomingProtocolRule", MakeIncomingProtocolSelector, "protocol",
           "Matches what came over DoUDP, DoTCP and so on."),
    BW_ROW(
        "MaxQPSIPRule", MaxQpsIp,
        "qps[, v4Mask[, v6Mask[, burst[, expiration[, cleanupDelay[, scanFraction[, shards]]]]]]]",
        "Matches the queries of networks above that rate."),
    BW_ROW("MaxQPSRule", MaxQps, "qps[, burst]", "Matches while below that rate."),
    BW_ROW("NetmaskGroupRule", Netmasks, "nmg[, src[, quiet]]",
           "Matches clients in those networks."),
    BW_ROW("NotRule", Not, "selector", "Matches where the other does not."),
    BW_ROW("OpcodeRule", MakeOpcodeSelector, "code", "Matches messages of that opcode."),
    BW_ROW("OrRule", Or, "selectors", "Matches where one of them does."),
    BW_ROW("PayloadSizeRule", MakePayloadSizeSelector, "comparison, size",
           "Matches messages by size."),
    BW_ROW("PoolAvailableRule", MakePoolAvailableSelector, "poolname",
           "Matches while a server of the pool is up."),
    BW_ROW("PoolOutstandingRule", MakePoolOutstandingSelector, "poolname, limit",
           "Matches while the pool has more queries in flight."),
    BW_ROW("ProbaRule", Proba, "probability", "Matches at random."),
    BW_ROW("ProxyProtocolValueRule", ProxyValue, "type [, value]",
           "Matches by a value of the PROXY protocol."),
    BW_ROW("QClassRule", QClass, "qclass", "Matches questions of that class."),
    BW_ROW("QNameLabelsCountRule", MakeQNameLabelsCountSelector, "min, max",
           "Matches names with fewer or more labels."),
    BW_ROW("QNameRule", QName, "qname", "Matches questions for exactly that name."),
    BW_ROW("QNameSetRule", QNameSet, "set", "Matches questions for a name of the set."),
    BW_ROW("QNameSuffixRule", Suffixes, "suffixes [, quiet]",
           "Matches questions at or below one of the names."),
    BW_ROW("QNameWireLengthRule", MakeQNameWireLengthSelector, "min, max",
           "Matches names that are shorter or longer."),
    BW_ROW("QTypeRule", QType, "qtype", "Matches questions of that type."),
    BW_ROW("RCodeRule", MakeRCodeSelector, "rcode", "Matches answers of that rcode."),
    BW_ROW("RDRule", MakeRdSelector, "", "Matches queries with RD."),
    BW_ROW("RE2Rule", MakeRe2Selector, "regex", "Matches names by an RE2 expression, as a whole."),
    BW_ROW("RecordsCountRule", RecordsCount, "section, minCount, maxCount",
           "Matches by the number of records in a section."),
    BW_ROW("RecordsTypeCountRule", RecordsTypeCount, "section, qtype, minCount, maxCount",
           "Matches by the number of records of a type in a section."),
    BW_ROW("RegexRule", MakeRegexSelector, "regex", "Matches names by a POSIX expression."),
    BW_ROW("SNIRule", MakeSniSelector, "name",
           "Matches TLS connections by the name that the client gave."),
    BW_ROW("SuffixMatchNodeRule", Suffixes, "smn[, quiet]",
           "Matches questions at or below one of the names."),
    BW_ROW("TCPRule", Tcp, "tcp", "Matches what came over a stream, or not."),
    BW_ROW("TagRule", Tag, "name [, value]",
           "Matches where the tag is set, to that value if one is given."),
    BW_ROW("TrailingDataRule", MakeTrailingDataSelector, "",
           "Matches messages with bytes behind their end."),
};
#undef BW_ROW

}  // namespace

FunctionPage SelectorFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
