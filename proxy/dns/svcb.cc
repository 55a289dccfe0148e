#include "proxy/dns/svcb.h"

#include <algorithm>

#include "proxy/base/byte_reader.h"

namespace breakwater::dns {
namespace {

enum class Key : uint16_t {  // RFC 9460, 14.3.2
  kMandatory = 0,
  kAlpn = 1,
  kNoDefaultAlpn = 2,
  kPort = 3,
  kIpv4Hint = 4,
  kIpv6Hint = 6,
};

// False where the value is not what the key asks for.
bool ReadMandatory(ByteReader value, Svcb* record) {
  while (value.remaining() > 0) {
    const uint16_t key = value.U16();
    if (key == 0 || (!record->mandatory.empty() && key <= record->mandatory.back())) return false;
    record->mandatory.push_back(key);
  }
  return value.ok() && !record->mandatory.empty();
}

bool ReadAlpn(ByteReader value, Svcb* record) {
  while (value.remaining() > 0) {
    const uint8_t length = value.U8();
    const auto bytes = value.Bytes(length);
    if (length == 0) return false;
    record->alpn.emplace_back(bytes.begin(), bytes.end());
  }
  return value.ok() && !record->alpn.empty();
}

bool ReadPort(ByteReader value, Svcb* record) {
  record->port = value.U16();
  return value.ok() && value.remaining() == 0;
}

bool ReadHints(ByteReader value, size_t octets, Svcb* record) {
  if (value.remaining() == 0) return false;
  while (value.remaining() > 0) {
    const auto raw = value.Bytes(octets);
    if (!value.ok()) return false;
    record->hints.push_back(Address::FromRaw(raw));
  }
  return true;
}

bool ReadValue(uint16_t key, std::span<const uint8_t> bytes, Svcb* record) {
  const ByteReader value(bytes);
  switch (static_cast<Key>(key)) {
    case Key::kMandatory:
      return ReadMandatory(value, record);
    case Key::kAlpn:
      return ReadAlpn(value, record);
    case Key::kNoDefaultAlpn:
      return bytes.empty();
    case Key::kPort:
      return ReadPort(value, record);
    case Key::kIpv4Hint:
      return ReadHints(value, 4, record);
    case Key::kIpv6Hint:
      return ReadHints(value, 16, record);
  }
  return true;
}

// RFC 9460, 8: what is mandatory must be there.
bool HasMandatory(const Svcb& record) {
  return std::all_of(record.mandatory.begin(), record.mandatory.end(),
                     [&](uint16_t key) { return record.Find(key) != nullptr; });
}

}  // namespace

const std::string* Svcb::Find(uint16_t key) const {
  for (const auto& [held, value] : parameters) {
    if (held == key) return &value;
  }
  return nullptr;
}

Result<Svcb> ParseSvcb(std::span<const uint8_t> rdata) {
  Svcb record;
  ByteReader reader(rdata);
  record.priority = reader.U16();
  if (!reader.ok()) return Fail(Error::kTruncated);
  size_t end = 0;
  const auto target = Name::FromMessage(rdata, reader.offset(), &end);
  if (!target) return Fail(target.error());
  if (end - reader.offset() != target->length()) return Fail(Error::kBadPointer);
  record.target = *target;
  reader.Skip(target->length());
  while (reader.remaining() > 0) {
    const uint16_t key = reader.U16();
    const uint16_t length = reader.U16();
    const auto value = reader.Bytes(length);
    if (!reader.ok()) return Fail(Error::kTruncated);
    const bool ascends = record.parameters.empty() || key > record.parameters.back().first;
    if (!ascends) return Fail(Error::kBadOption);
    record.parameters.emplace_back(key, std::string(value.begin(), value.end()));
    if (record.priority != 0 && !ReadValue(key, value, &record)) return Fail(Error::kBadOption);
  }
  if (!HasMandatory(record)) return Fail(Error::kBadOption);
  return record;
}

}  // namespace breakwater::dns
