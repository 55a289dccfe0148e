// newDNSPacketOverlay: the records of a message, read-only copies; and what their contents say.
#include <fmt/format.h>

#include <array>

#include "lua/dns_header.h"
#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/base/text.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::lua {

struct PacketRecord {
  dns::Name name;
  dns::Record record;
};
template <>
struct LuaClass<PacketRecord> {
  static constexpr const char* kName = "DNSRecord";
};

struct PacketOverlay {
  DnsHeader header;
  dns::Name name;
  dns::Question question;
  std::vector<PacketRecord> records;
};
template <>
struct LuaClass<PacketOverlay> {
  static constexpr const char* kName = "DNSPacketOverlay";
};

namespace {

TextResult<std::shared_ptr<PacketOverlay>> NewOverlay(const std::string& packet) {
  const auto bytes = AsBytes(packet);
  if (bytes.size() < dns::kHeaderSize) return Fail(std::string("a message has 12 bytes at least"));
  auto overlay = std::make_shared<PacketOverlay>();
  overlay->header = DnsHeader(bytes.data());
  const auto start = dns::RecordsStart(bytes);
  if (!start) return Fail(std::string("the question cannot be read"));
  if (const auto question = dns::ParseQuestion(bytes)) {
    overlay->question = *question;
    const auto wire = bytes.subspan(dns::kHeaderSize, question->name_length);
    overlay->name = dns::Name::FromWire(wire).value_or(dns::Name());
  }
  dns::RecordWalker walker(bytes, *start);
  while (walker.Next()) {
    const auto owner = walker.OwnerName();
    if (!owner) return Fail(std::string("the name of a record cannot be read"));
    overlay->records.push_back({*owner, walker.record()});
  }
  if (!walker.ok()) return Fail(std::string("the records cannot be read"));
  return overlay;
}

uint16_t OverlayType(const PacketOverlay& packet) {
  return static_cast<uint16_t>(packet.question.type);
}
uint16_t OverlayClass(const PacketOverlay& packet) {
  return static_cast<uint16_t>(packet.question.cls);
}
dns::Name OverlayName(const PacketOverlay& packet) {
  return packet.name;
}
DnsHeader OverlayHeader(const PacketOverlay& packet) {
  return packet.header;
}
// Section 0 holds no records.
size_t CountIn(const PacketOverlay& packet, uint8_t section) {
  size_t count = 0;
  for (const PacketRecord& item : packet.records) {
    if (static_cast<uint8_t>(item.record.section) == section) ++count;
  }
  return count;
}
TextResult<PacketRecord> GetRecord(const PacketOverlay& packet, size_t index) {
  if (index < packet.records.size()) return packet.records[index];
  return Fail(fmt::format("there is no record {}", index));
}

dns::Name RecordName(const PacketRecord& item) {
  return item.name;
}
uint16_t RecordType(const PacketRecord& item) {
  return static_cast<uint16_t>(item.record.type);
}
uint16_t RecordClass(const PacketRecord& item) {
  return static_cast<uint16_t>(item.record.cls);
}
uint32_t RecordTtl(const PacketRecord& item) {
  return item.record.ttl;
}
uint8_t RecordPlace(const PacketRecord& item) {
  return static_cast<uint8_t>(item.record.section);
}
uint16_t RecordLength(const PacketRecord& item) {
  return item.record.rdata_length;
}
size_t RecordOffset(const PacketRecord& item) {
  return item.record.rdata_offset;
}

// --- contents; nil for another type, or where the packet is not the one the record came from

std::span<const uint8_t> Content(const std::string& packet, const PacketRecord& item) {
  const auto bytes = AsBytes(packet);
  return item.record.end() <= bytes.size()
             ? bytes.subspan(item.record.rdata_offset, item.record.rdata_length)
             : std::span<const uint8_t>();
}

std::optional<Address> ParseAddress(const std::string& packet, const PacketRecord& item,
                                    dns::Type type) {
  const auto content = Content(packet, item);
  const size_t length = type == dns::Type::kA ? 4 : 16;
  if (item.record.type != type || content.size() != length) return std::nullopt;
  return Address::FromRaw(content);
}
std::optional<Address> ParseA(const std::string& packet, const PacketRecord& item) {
  return ParseAddress(packet, item, dns::Type::kA);
}
std::optional<Address> ParseAaaa(const std::string& packet, const PacketRecord& item) {
  return ParseAddress(packet, item, dns::Type::kAaaa);
}
std::optional<Address> ParseEither(const std::string& packet, const PacketRecord& item) {
  const auto address = ParseA(packet, item);
  return address ? address : ParseAaaa(packet, item);
}
std::optional<dns::Name> ParseCname(const std::string& packet, const PacketRecord& item) {
  if (item.record.type != dns::Type::kCname || Content(packet, item).empty()) return std::nullopt;
  size_t end = 0;
  const auto name = dns::Name::FromMessage(AsBytes(packet), item.record.rdata_offset, &end);
  if (!name || end != item.record.end()) return std::nullopt;
  return *name;
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kOverlayMethods[] = {
    {"getRecord", Bind<&GetRecord>, "DNSPacketOverlay:getRecord(idx) -> DNSRecord",
     "A record by number, from 0 on.", kAny},
    {"getRecordsCountInSection", Bind<&CountIn>,
     "DNSPacketOverlay:getRecordsCountInSection(section) -> int",
     "How many records a section holds; the question has none.", kAny},
};
constexpr AttributeRow kOverlayAttributes[] = {
    {"dh", Bind<&OverlayHeader>, nullptr, "A copy of the header."},
    {"qclass", Bind<&OverlayClass>, nullptr, "The class asked for."},
    {"qname", Bind<&OverlayName>, nullptr, "The name asked for."},
    {"qtype", Bind<&OverlayType>, nullptr, "The type asked for."},
};
const ClassRow kOverlayClass = {"DNSPacketOverlay",
                                kOverlayMethods,
                                kOverlayAttributes,
                                nullptr,
                                nullptr,
                                nullptr,
                                nullptr,
                                "The parts of a message."};

constexpr AttributeRow kRecordAttributes[] = {
    {"class", Bind<&RecordClass>, nullptr, "Its class, as a number."},
    {"contentLength", Bind<&RecordLength>, nullptr, "Bytes of its content."},
    {"contentOffset", Bind<&RecordOffset>, nullptr, "Where its content begins in the message."},
    {"name", Bind<&RecordName>, nullptr, "Whose record it is."},
    {"place", Bind<&RecordPlace>, nullptr, "Its section: DNSSection."},
    {"ttl", Bind<&RecordTtl>, nullptr, "Its TTL, in seconds."},
    {"type", Bind<&RecordType>, nullptr, "Its type, as a number."},
};
const ClassRow kRecordClass = {"DNSRecord", {},      kRecordAttributes, nullptr,
                               nullptr,     nullptr, nullptr,           "A record of a message."};

#define BW_PARSE(name, function, what)                                                           \
  {                                                                                              \
    name, Bind<&function>, name "(packet, record) -> " what, "The content of a record, or nil.", \
        kAny                                                                                     \
  }
constexpr FunctionRow kFunctions[] = {
    {"newDNSPacketOverlay", Bind<&NewOverlay>, "newDNSPacketOverlay(packet) -> DNSPacketOverlay",
     "Takes a message apart, dq:getContent() say.", kAny},
    BW_PARSE("parseAAAARecord", ParseAaaa, "ComboAddress"),
    BW_PARSE("parseARecord", ParseA, "ComboAddress"),
    BW_PARSE("parseAddressRecord", ParseEither, "ComboAddress"),
    BW_PARSE("parseCNAMERecord", ParseCname, "DNSName"),
};
#undef BW_PARSE

}  // namespace

const ClassRow& PacketOverlayClass() {
  return kOverlayClass;
}
const ClassRow& PacketRecordClass() {
  return kRecordClass;
}
FunctionPage PacketFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
