// The control frames of Frame Streams (fstrm), by which a sender of dnstap and its collector agree
// before and after the data. Bytes in, bytes out; encoded and decoded by libfstrm.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace breakwater {

enum class ControlFrame : uint8_t { kReady, kAccept, kStart, kStop, kFinish };

// A whole frame: escape, length and content; the content type of dnstap where the kind has one.
std::string MakeControlFrame(ControlFrame kind);

enum class ControlParse : uint8_t {
  kWhole,    // the frame that was expected
  kPartial,  // good so far
  kBad,      // no control frame, another one, or one that does not take dnstap
};
// Of what a collector has sent, from the start of a frame on. At most kMostControlFrame octets are
// needed.
inline constexpr size_t kMostControlFrame = 8 + 512;
ControlParse ParseControlFrame(std::span<const uint8_t> bytes, ControlFrame expected);

}  // namespace breakwater
