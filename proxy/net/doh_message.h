// Where the DNS message is in a request over HTTPS, and for whom a reverse proxy sent it
// (RFC 8484, 4.1). Pure functions over the client's text; the results point into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/base/address.h"

namespace breakwater {

inline constexpr size_t kMaxDohMessage = 65535;

struct DohTarget {
  std::string_view path;
  std::string_view query;  // with its "?"; empty for none
};
DohTarget SplitDohTarget(std::string_view target);

// What stands behind "?dns=", or else "&dns=", up to the next "&". Nothing where neither is there.
std::optional<std::string_view> FindDnsParameter(std::string_view query);

// RFC 4648, 5; as dnsdist also with one or two signs of padding, needed or not, with the signs of
// section 4, and with signs that are percent-encoded (RFC 3986, 2.1), as many libraries send them.
// Nothing where it is neither, or longer than `room`.
std::optional<size_t> DecodeBase64Url(std::string_view text, std::span<uint8_t> room);

// The right-most entry of x-forwarded-for: an address with or without port. Those to the left of it
// are what the client told the proxy, who may tell anything. Nothing where it is none.
std::optional<Address> LastForwarded(std::string_view header);

}  // namespace breakwater
