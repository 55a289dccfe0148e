// Functions of ffi.C that take a message apart. A parsed packet is a copy: it outlives its query.
#include <algorithm>
#include <cstring>

#include "lua/ffi_objects.h"
#include "proxy/base/text.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::lua {
namespace {

constexpr FfiKind kKind{"a parsed packet"};
constexpr size_t kLargestMessage = UINT16_MAX;

// In memory of Lua's: records follow, then the bytes of the message.
struct Packet {
  dns::Question question;
  size_t name_length = 0;  // 0: no question
  size_t count = 0;
  size_t size = 0;
  std::span<dns::Record> records() { return {reinterpret_cast<dns::Record*>(this + 1), count}; }
  std::span<uint8_t> bytes() {
    return {reinterpret_cast<uint8_t*>(records().data() + count), size};
  }
};
static_assert(std::is_trivially_copyable_v<dns::Record> && sizeof(Packet) % 8 == 0);

// False where any name or record cannot be read.
bool ReadRecords(std::span<const uint8_t> bytes, std::vector<dns::Record>* records) {
  if (bytes.size() < dns::kHeaderSize || bytes.size() > kLargestMessage) return false;
  const auto start = dns::RecordsStart(bytes);
  if (!start) return false;
  dns::RecordWalker walker(bytes, *start);
  while (walker.Next()) {
    if (!walker.OwnerName()) return false;
    records->push_back(walker.record());
  }
  return walker.ok();
}

// (packet, size [, place])
int Parse(FfiCall& call) {
  const auto bytes = AsBytes(call.Text(1, 2));
  if (!call.ok()) return 0;
  std::vector<dns::Record> records;
  if (!ReadRecords(bytes, &records)) return call.Give(false);
  lua_settop(call.state(), 3);
  const size_t size = sizeof(Packet) + records.size() * sizeof(dns::Record) + bytes.size();
  auto* const packet = new (NewFfiObject(call.state(), kKind, size)) Packet;
  if (const auto question = dns::ParseQuestion(bytes)) {
    packet->question = *question;
    packet->name_length = question->name_length;
  }
  packet->count = records.size();
  packet->size = bytes.size();
  std::copy(records.begin(), records.end(), packet->records().begin());
  std::copy(bytes.begin(), bytes.end(), packet->bytes().begin());
  lua_pushvalue(call.state(), -1);
  call.Store(3);
  call.Give(true);
  lua_pushvalue(call.state(), -2);
  return 2;
}

Packet* PacketAt(FfiCall& call, int index) {
  return static_cast<Packet*>(FfiObjectAt(call, index, kKind));
}
// The record of that number; null where there is none.
const dns::Record* RecordAt(FfiCall& call, Packet* packet, int index) {
  const auto at = static_cast<size_t>(call.Integer(index, 0, INT64_MAX));
  return !call.ok() || at >= packet->count ? nullptr : &packet->records()[at];
}

int QuestionName(FfiCall& call) {
  Packet* const packet = PacketAt(call, 1);
  if (packet == nullptr) return 0;
  return call.GiveText(AsText(packet->bytes()).substr(dns::kHeaderSize, packet->name_length), 2);
}
template <auto Get>
int Read(FfiCall& call) {
  const Packet* const packet = PacketAt(call, 1);
  return packet == nullptr ? 0 : call.Give(Get(*packet));
}
int CountInSection(FfiCall& call) {
  Packet* const packet = PacketAt(call, 1);
  const int64_t section = call.Integer(2, 0, UINT8_MAX);
  if (!call.ok()) return 0;
  return call.Give(std::ranges::count_if(packet->records(), [&](const dns::Record& record) {
    return static_cast<int64_t>(record.section) == section;
  }));
}
int RecordName(FfiCall& call) {
  Packet* const packet = PacketAt(call, 1);
  if (packet == nullptr) return 0;
  const dns::Record* const record = RecordAt(call, packet, 2);
  if (!call.ok()) return 0;
  if (record == nullptr) return call.GiveText({}, 3);
  size_t end = 0;
  const auto name = dns::Name::FromMessage(packet->bytes(), record->owner_offset, &end);
  return call.GiveText(name ? AsText(name->wire()) : std::string_view(), 3);
}
template <auto Get>
int ReadRecord(FfiCall& call) {
  Packet* const packet = PacketAt(call, 1);
  if (packet == nullptr) return 0;
  const dns::Record* const record = RecordAt(call, packet, 2);
  if (!call.ok()) return 0;
  return call.Give(record == nullptr ? 0 : Get(*record));
}

// (packet, size, offset [, buffer, size])
int NameAtOffset(FfiCall& call) {
  const auto bytes = AsBytes(call.Text(1, 2));
  const int64_t offset = call.Integer(3, 0, INT64_MAX);
  if (!call.ok()) return 0;
  size_t end = 0;
  std::optional<dns::Name> name;
  if (static_cast<size_t>(offset) < bytes.size()) {
    if (auto read = dns::Name::FromMessage(bytes, static_cast<size_t>(offset), &end)) name = *read;
  }
  const std::string_view wire = name ? AsText(name->wire()) : std::string_view();
  return call.Given(4) ? call.FillBuffer(wire, 4) : call.Give(wire);
}

// --- contents: (bytes, packet, index [, buffer, place of its size])

// Into the buffer, if it is large enough, and its size; or as a second result.
int GiveContent(FfiCall& call, std::string_view content) {
  if (!call.Given(4)) {
    call.Give(true);
    return 1 + call.Give(content);
  }
  if (!call.IsTable(5))
    return call.Fail("bad argument #5 (a table as ffi.new() makes it expected)");
  lua_settop(call.state(), 5);
  lua_rawgeti(call.state(), 5, 0);
  const bool filled =
      call.FillBuffer(content, 4, 6) == 1 && lua_tointegerx(call.state(), -1, nullptr) > 0;
  if (!call.ok()) return 0;
  call.Give(filled ? content.size() : 0);
  call.Store(5);
  return call.Give(filled);
}
// Null where there is none, or where the bytes are too few to hold its content.
struct Content {
  const dns::Record* record = nullptr;
  std::span<const uint8_t> message;
  std::span<const uint8_t> bytes;
};
Content ContentAt(FfiCall& call) {
  const auto message = AsBytes(call.Text(1));
  Packet* const packet = PacketAt(call, 2);
  if (packet == nullptr) return {};
  const dns::Record* const record = RecordAt(call, packet, 3);
  if (record == nullptr || record->end() > message.size()) return {};
  return {record, message, message.subspan(record->rdata_offset, record->rdata_length)};
}
template <bool V4, bool V6>
int ParseAddress(FfiCall& call) {
  const Content content = ContentAt(call);
  if (!call.ok()) return 0;
  if (content.record == nullptr) return call.Give(false);
  const dns::Type type = content.record->type;
  const bool a = V4 && type == dns::Type::kA && content.bytes.size() == 4;
  const bool aaaa = V6 && type == dns::Type::kAaaa && content.bytes.size() == 16;
  return a || aaaa ? GiveContent(call, AsText(content.bytes)) : call.Give(false);
}
int ParseCname(FfiCall& call) {
  const Content content = ContentAt(call);
  if (!call.ok()) return 0;
  if (content.record == nullptr || content.record->type != dns::Type::kCname) {
    return call.Give(false);
  }
  size_t end = 0;
  const auto name = dns::Name::FromMessage(content.message, content.record->rdata_offset, &end);
  if (!name || end != content.record->end()) return call.Give(false);
  return GiveContent(call, AsText(name->wire()));
}

#define BW_READ(name, expression, help)                                                    \
  {                                                                                        \
    "dnspacket_" name, Read<+[](const Packet& p) { return expression; }>, "(packet)", help \
  }
#define BW_RECORD(name, expression, help)                                                    \
  {                                                                                          \
    "dnspacket_get_record_" name,                                                            \
        ReadRecord<+[](const dns::Record& r) { return static_cast<uint32_t>(expression); }>, \
        "(packet, index)", help                                                              \
  }
#define BW_PARSE(name, function, help)                                                         \
  {                                                                                            \
    "dnspacket_parse_" name, function, "(bytes, packet, index [, buffer, place of its size])", \
        help                                                                                   \
  }
constexpr FfiRow kRows[] = {
    {"dnspacket_parse", Parse, "(bytes, size [, place])",
     "Takes a message apart: whether it could be read, and the packet."},
    {"dnspacket_free", FreeObject<kKind>, "(packet)", "Lets go of it early."},
    {"dnspacket_get_qname_raw", QuestionName, "(packet [, place, size])",
     "The name asked for, in the wire format."},
    BW_READ("get_qtype", static_cast<uint16_t>(p.question.type), "The type asked for."),
    BW_READ("get_qclass", static_cast<uint16_t>(p.question.cls), "The class asked for."),
    {"dnspacket_get_records_count_in_section", CountInSection, "(packet, section)",
     "How many records a section holds; the question, section 0, has none."},
    {"dnspacket_get_record_name_raw", RecordName, "(packet, index [, place, size])",
     "Whose record it is, in the wire format. Records are counted from 0 on, over all sections."},
    BW_RECORD("type", r.type, "Its type."),
    BW_RECORD("class", r.cls, "Its class."),
    BW_RECORD("ttl", r.ttl, "Its TTL, in seconds."),
    BW_RECORD("content_length", r.rdata_length, "The size of its content."),
    BW_RECORD("content_offset", r.rdata_offset, "Where its content begins in the message."),
    {"dnspacket_get_name_at_offset_raw", NameAtOffset, "(bytes, size, offset [, buffer, size])",
     "The name at a place of a message, in the wire format, with what it points to; into the "
     "buffer: its size, 0 where there is none or it does not fit."},
    BW_PARSE("a_record", (ParseAddress<true, false>),
             "Whether it is an A record, and its address, 4 bytes. The bytes are those that were "
             "parsed."),
    BW_PARSE("aaaa_record", (ParseAddress<false, true>), "The same of AAAA, 16 bytes."),
    BW_PARSE("address_record", (ParseAddress<true, true>), "The same of either."),
    BW_PARSE("cname_record", ParseCname, "The same of CNAME: the name, in the wire format."),
};
#undef BW_READ
#undef BW_RECORD
#undef BW_PARSE

}  // namespace

FfiRows FfiPacketRows() {
  return kRows;
}

}  // namespace breakwater::lua
