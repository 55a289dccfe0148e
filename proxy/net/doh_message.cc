#include "proxy/net/doh_message.h"

#include <array>
#include <charconv>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

constexpr uint8_t kNoDigit = 0xFF;

constexpr std::array<uint8_t, 256> MakeDigits() {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<uint8_t, 256> digits{};
  for (uint8_t& digit : digits) digit = kNoDigit;
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  }
  digits['+'] = digits['-'];
  digits['/'] = digits['_'];
  return digits;
}
constexpr std::array<uint8_t, 256> kDigits = MakeDigits();

// The next byte, of "%2B" too (RFC 3986, 2.1); '%', which is no digit, where that is cut or wrong.
uint8_t TakeByte(std::string_view* text) {
  const auto first = static_cast<uint8_t>(text->front());
  text->remove_prefix(1);
  if (first != '%' || text->size() < 2) return first;
  uint8_t decoded = 0;
  const char* const end = text->data() + 2;
  if (const auto read = std::from_chars(text->data(), end, decoded, 16); read.ptr != end) {
    return first;
  }
  text->remove_prefix(2);
  return decoded;
}

// Up to two signs, whether or not they fill a multiple of four.
std::string_view WithoutPadding(std::string_view text) {
  for (int i = 0; i < 2; ++i) {
    if (text.ends_with('=')) {
      text.remove_suffix(1);
    } else if (text.ends_with("%3D") || text.ends_with("%3d")) {
      text.remove_suffix(3);
    }
  }
  return text;
}

}  // namespace

DohTarget SplitDohTarget(std::string_view target) {
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark)};
}

std::optional<std::string_view> FindDnsParameter(std::string_view query) {
  constexpr size_t kNameSize = 5;  // "?dns=", "&dns="
  size_t found = query.find("?dns=");
  if (found == std::string_view::npos) found = query.find("&dns=");
  if (found == std::string_view::npos) return std::nullopt;
  const std::string_view value = query.substr(found + kNameSize);
  return value.substr(0, value.find('&'));
}

std::optional<size_t> DecodeBase64Url(std::string_view text, std::span<uint8_t> room) {
  text = WithoutPadding(text);
  size_t out = 0;
  uint32_t bits = 0;
  unsigned count = 0;
  while (!text.empty()) {
    const uint8_t digit = kDigits[TakeByte(&text)];
    if (digit == kNoDigit) return std::nullopt;
    bits = (bits << 6) | digit;
    count += 6;
    if (count < 8) continue;
    if (out == room.size()) return std::nullopt;
    count -= 8;
    room[out++] = static_cast<uint8_t>(bits >> count);
  }
  if (count == 6) return std::nullopt;  // one sign is no byte
  return out;
}

std::optional<Address> LastForwarded(std::string_view header) {
  const size_t comma = header.rfind(',');
  if (comma != std::string_view::npos) header.remove_prefix(comma + 1);
  const auto address = Address::Parse(TrimSpace(header), 0);
  if (!address) return std::nullopt;
  return *address;
}

}  // namespace breakwater
