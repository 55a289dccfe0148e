// EDNS(0), RFC 6891: finding the OPT of a message, reading its fields and options, and editing it
// in place. Edits work on a buffer with spare room behind the message and give kNoSpace, and
// change nothing, where the result would not fit. They give kUnsupported, and change nothing, for
// a signed message (TSIG, SIG(0): the signature would break) and where a record behind the OPT
// points at a name behind the OPT (that name would move). Bytes behind the last record stay there.
#pragma once

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <optional>
#include <span>

#include "proxy/base/result.h"
#include "proxy/dns/types.h"

namespace breakwater::dns {

enum class OptionCode : uint16_t {
  kClientSubnet = 8,
  kCookie = 10,
  kTcpKeepalive = 11,
  kPadding = 12,
  kExtendedError = 15,
};

struct Edns {
  bool present = false;
  bool dnssec_ok = false;
  uint8_t extended_rcode = 0;  // the upper eight bits
  uint8_t version = 0;
  uint16_t udp_size = 0;  // as the sender wrote it, not clamped
  uint16_t options_length = 0;
  size_t offset = 0;  // of the OPT record (its root name) in the message
  size_t options_offset() const { return offset + 11; }
  size_t end() const { return options_offset() + options_length; }
};

// Walks the records behind the question; `question_end` is Question::end(). Not present is no
// error. kBadOpt: two of them, one outside the additional section, an owner that is not the
// root, or options that run past its end. kTruncated, kBadCount: the records do not add up.
Result<Edns> FindEdns(std::span<const uint8_t> message, size_t question_end);

// Calls `visit(code, data)` for each option until it returns false. `edns` must come from
// FindEdns on the same bytes.
template <typename Visit>
void ForEachOption(std::span<const uint8_t> message, const Edns& edns, Visit&& visit) {
  size_t at = edns.options_offset();
  while (edns.present && at + 4 <= edns.end()) {
    const auto code = static_cast<OptionCode>(message[at] << 8 | message[at + 1]);
    const size_t length = static_cast<size_t>(message[at + 2] << 8 | message[at + 3]);
    if (!visit(code, message.subspan(at + 4, length))) return;
    at += 4 + length;
  }
}
std::optional<std::span<const uint8_t>> FindOption(std::span<const uint8_t> message,
                                                   const Edns& edns, OptionCode code);

// A message and the room behind it.
struct EditBuffer {
  uint8_t* data;
  size_t size;
  size_t capacity;
  std::span<uint8_t> message() const { return {data, size}; }
};

struct OptFields {
  uint16_t udp_size = 1232;
  uint8_t extended_rcode = 0;
  bool dnssec_ok = false;
};
// Appends an OPT to a message that has none, and counts it. kBadOpt where there is one already.
Result<void> AddOpt(EditBuffer& buffer, const OptFields& fields);
// Replaces every option of that code by one with `data`; adds an OPT where there is none. `data`
// must not lie in the buffer.
Result<void> SetOption(EditBuffer& buffer, size_t question_end, OptionCode code,
                       std::span<const uint8_t> data);
// Takes all options of that code out. The OPT stays, if empty.
Result<void> RemoveOption(EditBuffer& buffer, size_t question_end, OptionCode code);
// Takes the OPT out of the message.
Result<void> RemoveOpt(EditBuffer& buffer, size_t question_end);
// Keeps only the options for which `keep` is true.
using KeepOption = absl::FunctionRef<bool(OptionCode code, std::span<const uint8_t> data)>;
Result<void> KeepOptions(EditBuffer& buffer, size_t question_end, KeepOption keep);
// Whether options can be taken out: not of a message that is signed (TSIG, SIG(0)), or with records
// behind the OPT whose names lean on its place.
bool OptionsCanBeEdited(std::span<const uint8_t> message, size_t question_end);

// Adds one more option behind those that are there; kNotFound where the message has no OPT.
Result<void> AppendOption(EditBuffer& buffer, size_t question_end, OptionCode code,
                          std::span<const uint8_t> data);

}  // namespace breakwater::dns
