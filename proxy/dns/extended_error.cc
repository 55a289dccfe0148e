#include "proxy/dns/extended_error.h"

#include <array>

#include "proxy/base/byte_writer.h"
#include "proxy/base/text.h"

namespace breakwater::dns {
namespace {

constexpr size_t kMaxText = 512;

// IANA, "Extended DNS Error Codes", 0 to 29.
constexpr std::string_view kNames[] = {
    "Other",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDOMAIN Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
    "Signature Expired before Valid",
    "Too Early",
    "Unsupported NSEC3 Iterations Value",
    "Unable to conform to policy",
    "Synthesized",
};

// At most kMaxText octets, not ending inside a UTF-8 character.
std::string_view Cut(std::string_view text) {
  if (text.size() <= kMaxText) return text;
  size_t size = kMaxText;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

Result<ExtendedErrorView> ParseExtendedError(std::span<const uint8_t> data) {
  if (data.size() < 2) return Fail(Error::kBadOption);
  ExtendedErrorView view;
  view.code = LoadU16(data.data());
  view.text = AsText(data.subspan(2));
  if (!view.text.empty() && view.text.back() == '\0') view.text.remove_suffix(1);
  return view;
}

Result<void> AppendExtendedError(EditBuffer& buffer, size_t question_end,
                                 const ExtendedErrorView& error) {
  std::array<uint8_t, 2 + kMaxText> data;
  ByteWriter writer(data);
  writer.U16(error.code);
  writer.Bytes(AsBytes(Cut(error.text)));
  return AppendOption(buffer, question_end, OptionCode::kExtendedError, writer.written());
}

std::string ExtendedErrorName(uint16_t code) {
  if (code < std::size(kNames)) return std::string(kNames[code]);
  return "EDE" + std::to_string(code);
}

std::vector<ExtendedErrorView> ListExtendedErrors(std::span<const uint8_t> message,
                                                  const Edns& edns) {
  std::vector<ExtendedErrorView> errors;
  ForEachOption(message, edns, [&](OptionCode code, std::span<const uint8_t> data) {
    if (code != OptionCode::kExtendedError) return true;
    if (const auto view = ParseExtendedError(data)) errors.push_back(*view);
    return true;
  });
  return errors;
}

}  // namespace breakwater::dns
