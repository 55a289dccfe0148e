// Small things done with text: hex and base64, splitting, and the nearest known name for a word
// the operator misspelt. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace breakwater {

std::string HexEncode(std::span<const uint8_t> bytes);  // lower case
// Pairs of hex digits and nothing else; either case.
std::optional<std::vector<uint8_t>> HexDecode(std::string_view text);

std::string Base64Encode(std::span<const uint8_t> bytes);  // RFC 4648, 4, padded
// Strict: padding is required, unused bits must be zero, no white space.
std::optional<std::vector<uint8_t>> Base64Decode(std::string_view text);
// The URL alphabet of RFC 4648, 5. Padding may be left out (RFC 8484 requires that) or complete.
std::optional<std::vector<uint8_t>> Base64UrlDecode(std::string_view text);
std::string Base64UrlEncode(std::span<const uint8_t> bytes);  // without padding

std::string_view TrimSpace(std::string_view text);
// Every field, empty ones too; "" gives one empty field.
std::vector<std::string_view> Split(std::string_view text, char separator);
std::string ToLowerAscii(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII

// The name that `word` was most likely meant to be, judged by the number of letters to insert,
// delete, replace or swap, case aside; empty where none is near enough to be worth naming.
std::string_view NearestName(std::string_view word, std::span<const std::string_view> known);
std::string NearestName(std::string_view word, std::span<const std::string> known);

std::string_view AsText(std::span<const uint8_t> bytes);
std::span<const uint8_t> AsBytes(std::string_view text);

}  // namespace breakwater
