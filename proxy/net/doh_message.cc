#include "proxy/net/doh_message.h"

#include <array>

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
  if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  if (text.size() % 4 == 1 || text.size() * 3 / 4 > room.size()) return std::nullopt;
  size_t out = 0;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const uint8_t digit = kDigits[static_cast<uint8_t>(c)];
    if (digit == kNoDigit) return std::nullopt;
    bits = (bits << 6) | digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    room[out++] = static_cast<uint8_t>(bits >> count);
  }
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
