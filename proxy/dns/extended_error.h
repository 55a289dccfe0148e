// Extended DNS errors, RFC 8914: a number and a sentence that say why an answer is as it is.
// Views into the message; nothing is owned.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/dns/edns.h"

namespace breakwater::dns {

struct ExtendedErrorView {
  uint16_t code = 0;
  std::string_view text;  // as sent: UTF-8 by the RFC, but nobody checked
};

// kBadOption where the two octets of the code are missing. A zero octet behind the text, which
// the RFC forbids senders to count on, is left out.
Result<ExtendedErrorView> ParseExtendedError(std::span<const uint8_t> data);

// Adds one to the OPT of the message; `question_end` as in edns.h. kNotFound where the message
// has no OPT, kNoSpace where it does not fit; then nothing is changed. A text over 512 octets is
// cut at the end of a character.
Result<void> AppendExtendedError(EditBuffer& buffer, size_t question_end,
                                 const ExtendedErrorView& error);

// The name in IANA's registry ("Stale Answer"), or "EDE123".
std::string ExtendedErrorName(uint16_t code);

// Those that parse, in their order.
std::vector<ExtendedErrorView> ListExtendedErrors(std::span<const uint8_t> message,
                                                  const Edns& edns);

}  // namespace breakwater::dns
