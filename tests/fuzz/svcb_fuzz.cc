// The input is the content of one SVCB record; what parses is written back octet for octet.
#include "proxy/dns/svcb.h"

#include "proxy/base/text.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using fuzz::Require;

namespace {

std::string U16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string Written(const dns::Svcb& record) {
  std::string text = U16(record.priority) + std::string(AsText(record.target.wire()));
  for (const auto& [key, value] : record.parameters) {
    text += U16(key) + U16(value.size()) + value;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> bytes = fuzz::Input(data, size).Rest();
  const auto record = dns::ParseSvcb(bytes);
  if (!record) return 0;
  Require(Written(*record) == AsText(bytes), "written as read");
  const auto size_of = [&](uint16_t key) {
    const std::string* const value = record->Find(key);
    return value == nullptr || record->priority == 0 ? size_t{0} : value->size();
  };
  Require(record->port.has_value() == (size_of(3) == 2), "port");
  Require(record->mandatory.size() * 2 == size_of(0), "mandatory keys");
  size_t hints = 0;
  for (const Address& hint : record->hints) hints += hint.Raw().size();
  Require(hints == size_of(4) + size_of(6), "hints");
  size_t alpn = 0;
  for (const std::string& name : record->alpn) alpn += 1 + name.size();
  Require(alpn == size_of(1), "protocols");
  for (const uint16_t key : record->mandatory)
    Require(record->Find(key), "mandatory ones are there");
  return 0;
}
