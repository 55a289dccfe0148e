#include <arpa/inet.h>

#include <cstdio>

#include "proxy/base/byte_reader.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

std::string NameAt(ByteReader& reader) {
  std::string out;
  ByteReader at = reader;
  bool jumped = false;
  for (int steps = 0; steps < 130; ++steps) {
    const uint8_t length = at.U8();
    if (!at.ok()) break;
    if (length >= 0xc0) {
      const size_t target = static_cast<size_t>((length & 0x3f) << 8 | at.U8());
      if (!jumped) reader = at;
      jumped = true;
      at = ByteReader(reader.whole(), target);
      continue;
    }
    if (length == 0) {
      if (!jumped) reader = at;
      return out.empty() ? "." : out;
    }
    if (!out.empty()) out += '.';
    for (const uint8_t c : at.Bytes(length)) out += static_cast<char>(c);
  }
  reader.MarkBad();
  return "?";
}

std::string TypeText(uint16_t type) {
  switch (type) {
    case 1:
      return "A";
    case 2:
      return "NS";
    case 5:
      return "CNAME";
    case 6:
      return "SOA";
    case 12:
      return "PTR";
    case 15:
      return "MX";
    case 16:
      return "TXT";
    case 28:
      return "AAAA";
    case 65:
      return "HTTPS";
    case 255:
      return "ANY";
    default:
      return "TYPE" + std::to_string(type);
  }
}

std::string RdataText(uint16_t type, std::span<const uint8_t> whole, size_t offset, size_t length) {
  const auto rdata = whole.subspan(offset, length);
  char text[64] = {};
  ByteReader reader(whole, offset);
  if (type == 1 && length == 4) return inet_ntop(AF_INET, rdata.data(), text, sizeof text);
  if (type == 28 && length == 16) return inet_ntop(AF_INET6, rdata.data(), text, sizeof text);
  if (type == 2 || type == 5 || type == 12) return NameAt(reader);
  if (type == 15) {
    const auto preference = std::to_string(reader.U16());
    return preference + " " + NameAt(reader);
  }
  if (type == 6) {
    std::string out = NameAt(reader);
    out += " " + NameAt(reader);
    for (int i = 0; i < 5; ++i) out += " " + std::to_string(reader.U32());
    return out;
  }
  std::string hex;
  for (const uint8_t byte : rdata) {
    std::snprintf(text, sizeof text, "%02x", byte);
    hex += text;
  }
  return hex;
}

std::string OptText(ByteReader& reader) {
  const uint16_t size = reader.U16();
  const uint8_t rcode = reader.U8();
  const uint8_t version = reader.U8();
  const uint16_t flags = reader.U16();
  std::string out = "OPT " + std::to_string(size);
  if (rcode != 0) out += " rcode+" + std::to_string(rcode << 4);
  if (version != 0) out += " v" + std::to_string(version);
  if ((flags & 0x8000) != 0) out += " do";
  const uint16_t length = reader.U16();
  const size_t end = reader.offset() + length;
  while (reader.ok() && reader.offset() + 4 <= end) {
    out += " " + std::to_string(reader.U16()) + ":";
    const uint16_t size_of = reader.U16();
    out += RdataText(0, reader.whole(), reader.offset(), size_of);
    reader.Skip(size_of);
  }
  return out;
}

std::string RecordText(ByteReader& reader) {
  const std::string owner = NameAt(reader);
  const uint16_t type = reader.U16();
  if (type == 41) return OptText(reader);
  const uint16_t cls = reader.U16();
  const uint32_t ttl = reader.U32();
  const uint16_t length = reader.U16();
  const size_t offset = reader.offset();
  reader.Skip(length);
  if (!reader.ok()) return "(broken)";
  std::string out = owner + " " + std::to_string(ttl) + " ";
  if (cls != 1) out += "CLASS" + std::to_string(cls) + " ";
  return out + TypeText(type) + " " + RdataText(type, reader.whole(), offset, length);
}

std::string FlagText(uint16_t flags) {
  static constexpr const char* kNames[16] = {"qr", "", "",   "",   "", "aa", "tc", "rd",
                                             "ra", "", "ad", "cd", "", "",   "",   ""};
  static constexpr const char* kRcodes[6] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                             "NXDOMAIN", "NOTIMP",  "REFUSED"};
  std::string out;
  for (int bit = 0; bit < 16; ++bit) {
    if (kNames[bit][0] != 0 && (flags & (0x8000 >> bit)) != 0)
      out += std::string(kNames[bit]) + " ";
  }
  const unsigned opcode = (flags >> 11) & 15, rcode = flags & 15;
  if (opcode != 0) out += "opcode" + std::to_string(opcode) + " ";
  return out + (rcode < 6 ? kRcodes[rcode] : "RCODE" + std::to_string(rcode));
}

}  // namespace

std::string Describe(std::span<const uint8_t> message) {
  ByteReader reader(message);
  reader.Skip(2);
  std::string out = FlagText(reader.U16());
  uint16_t counts[4];
  for (uint16_t& count : counts) count = reader.U16();
  for (int i = 0; i < counts[0] && reader.ok(); ++i) {
    out += "; " + NameAt(reader);
    out += " " + TypeText(reader.U16());
    const uint16_t cls = reader.U16();
    if (cls != 1) out += " CLASS" + std::to_string(cls);
  }
  static constexpr const char* kSections[4] = {"", "an", "ns", "ar"};
  for (int section = 1; section < 4; ++section) {
    for (int i = 0; i < counts[section] && reader.ok(); ++i) {
      out += std::string("; ") + kSections[section] + ": " + RecordText(reader);
    }
  }
  if (!reader.ok()) return out + "; (broken)";
  if (reader.remaining() > 0) out += "; trailing " + std::to_string(reader.remaining());
  return out;
}

}  // namespace breakwater::test
