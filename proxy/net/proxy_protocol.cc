#include "proxy/net/proxy_protocol.h"

#include <algorithm>

#include "proxy/base/byte_reader.h"
#include "proxy/net/proxy_signature.h"

namespace breakwater {
namespace {

constexpr uint8_t kVersion = 0x20;  // the upper half of the byte
constexpr uint8_t kCommandLocal = 0;
constexpr uint8_t kCommandProxy = 1;
constexpr uint8_t kFamilyV4 = 0x10;
constexpr uint8_t kFamilyV6 = 0x20;
constexpr uint8_t kStream = 1;
constexpr uint8_t kDatagram = 2;

bool ReadValues(ByteReader& reader, ProxyValues* values) {
  while (reader.remaining() > 0) {
    const uint8_t type = reader.U8();
    const auto value = reader.Bytes(reader.U16());
    if (!reader.ok()) return false;
    values->emplace_back(type, std::string(value.begin(), value.end()));
  }
  return true;
}

// What follows the fixed part.
bool ReadContent(std::span<const uint8_t> content, uint8_t family, ProxyHeader* header) {
  const uint8_t transport = family & 0x0F;
  if (transport != kStream && transport != kDatagram) return false;
  header->stream = transport == kStream;
  const uint8_t kind = family & 0xF0;
  if (kind != kFamilyV4 && kind != kFamilyV6) return false;
  const size_t length = kind == kFamilyV4 ? 4 : 16;
  ByteReader reader(content);
  const auto source = reader.Bytes(length);
  const auto destination = reader.Bytes(length);
  const uint16_t source_port = reader.U16();
  const uint16_t destination_port = reader.U16();
  if (!reader.ok()) return false;
  header->source = Address::FromRaw(source, source_port);
  header->destination = Address::FromRaw(destination, destination_port);
  return ReadValues(reader, &header->values);
}

void AppendU16(std::string* out, size_t value) {
  out->push_back(static_cast<char>(value >> 8));
  out->push_back(static_cast<char>(value));
}

void AppendAddress(std::string* out, const Address& address, bool as_v6) {
  if (as_v6 && address.IsV4()) {
    out->append(10, '\0');
    out->append(2, '\xff');
  }
  const auto raw = address.Raw();
  out->append(raw.begin(), raw.end());
}

}  // namespace

ProxyParsed ParseProxyHeader(std::span<const uint8_t> bytes, size_t most) {
  if (FindProxySignature(bytes) == ProxySignature::kNone) return {};
  ByteReader reader(bytes, kProxySignature.size());
  const uint8_t command = reader.U8();
  const uint8_t family = reader.U8();
  const size_t size = kProxyHeaderStart + reader.U16();
  if (!reader.ok()) return {ProxyParse::kPartial, kProxyHeaderStart};
  if ((command & 0xF0) != kVersion || size > most) return {};
  const uint8_t what = command & 0x0F;
  if (what != kCommandLocal && what != kCommandProxy) return {};
  if (bytes.size() < size) return {ProxyParse::kPartial, size};
  ProxyParsed parsed{ProxyParse::kWhole, size};
  if (what == kCommandLocal) {
    // What follows is to be skipped, whatever it is.
    parsed.header.local = true;
    return parsed;
  }
  const auto content = bytes.subspan(kProxyHeaderStart, size - kProxyHeaderStart);
  if (!ReadContent(content, family, &parsed.header)) return {};
  return parsed;
}

std::string BuildProxyHeader(const ProxyHeader& header) {
  std::string out(kProxySignature.begin(), kProxySignature.end());
  if (header.local) {
    out.push_back(static_cast<char>(kVersion | kCommandLocal));
    out.append(3, '\0');
    return out;
  }
  if (!header.source.IsSet() || !header.destination.IsSet()) return {};
  const bool v6 = header.source.IsV6() || header.destination.IsV6();
  size_t content = v6 ? 36 : 12;
  for (const auto& [type, value] : header.values) content += 3 + value.size();
  if (content > UINT16_MAX) return {};
  out.push_back(static_cast<char>(kVersion | kCommandProxy));
  out.push_back(
      static_cast<char>((v6 ? kFamilyV6 : kFamilyV4) | (header.stream ? kStream : kDatagram)));
  AppendU16(&out, content);
  AppendAddress(&out, header.source, v6);
  AppendAddress(&out, header.destination, v6);
  AppendU16(&out, header.source.port());
  AppendU16(&out, header.destination.port());
  for (const auto& [type, value] : header.values) {
    out.push_back(static_cast<char>(type));
    AppendU16(&out, value.size());
    out += value;
  }
  return out;
}

}  // namespace breakwater
