// Errors are values. Two kinds, by who reads them:
//
//   Result<T>      on the path of a query: one small enum, no allocation.
//   TextResult<T>  for configuration and control: a sentence for the operator that says what is
//                  wrong and what to do. The caller adds the place (file:line).
//
// Both are tl::expected; `Ok()` is the success of a Result<void>.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace breakwater {

enum class Error : uint8_t {
  kTruncated,        // the message ended before the field did
  kNameTooLong,      // a name over 255 octets (RFC 1035, 3.1)
  kBadLabel,         // reserved label type, or a label over 63 octets
  kBadPointer,       // a compression pointer that does not point backwards
  kTooManyPointers,  // more pointers than a sound message can need
  kBadCount,         // a header count that the message does not hold
  kBadOpt,           // a second OPT, an OPT not at the root, or options past its end
  kBadOption,        // an EDNS option whose content is not what its RFC says
  kNoSpace,          // the result does not fit its buffer
  kNotFound,         // nothing there by that name
  kUnsupported,      // understood, but not done here
  kIo,               // the system call failed; errno was logged where it happened
  kLimit,            // a configured limit was reached, or what the kernel gives us
  kClosed,           // the peer or the other end is gone
};

// A short English phrase for logs ("message is truncated").
std::string_view ErrorText(Error error);

template <typename T>
using Result = tl::expected<T, Error>;

template <typename T>
using TextResult = tl::expected<T, std::string>;

inline tl::unexpected<Error> Fail(Error error) {
  return tl::unexpected<Error>(error);
}
inline tl::unexpected<std::string> Fail(std::string text) {
  return tl::unexpected<std::string>(std::move(text));
}
inline Result<void> Ok() {
  return {};
}

}  // namespace breakwater
