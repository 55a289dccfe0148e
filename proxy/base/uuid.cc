#include "proxy/base/uuid.h"

#include <algorithm>

#include "proxy/base/random.h"
#include "proxy/base/text.h"

namespace breakwater {
namespace {

constexpr size_t kTextLength = 36;
bool IsHyphenPlace(size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

}  // namespace

Uuid Uuid::Random() {
  Uuid uuid;
  FillRandom(uuid.bytes_);
  // Version and variant, RFC 9562, 5.4.
  uuid.bytes_[6] = static_cast<uint8_t>((uuid.bytes_[6] & 0x0f) | 0x40);
  uuid.bytes_[8] = static_cast<uint8_t>((uuid.bytes_[8] & 0x3f) | 0x80);
  return uuid;
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  std::string digits;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!IsHyphenPlace(at)) {
      digits.push_back(text[at]);
    } else if (text[at] != '-') {
      return std::nullopt;
    }
  }
  const auto bytes = HexDecode(digits);
  if (!bytes) return std::nullopt;
  Uuid uuid;
  std::copy(bytes->begin(), bytes->end(), uuid.bytes_.begin());
  return uuid;
}

std::string Uuid::ToString() const {
  const std::string digits = HexEncode(bytes_);
  std::string text;
  text.reserve(kTextLength);
  for (const char c : digits) {
    if (IsHyphenPlace(text.size())) text.push_back('-');
    text.push_back(c);
  }
  return text;
}

}  // namespace breakwater
