// A line that tells of one flush: NAME [TYPE] [suffix] [hard], words in any case, what is behind
// '#' is not read. Lists for breakwaterctl, files and commands that say what has changed, all use
// it; lines are untrusted bytes. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/cache/flush_table.h"

namespace breakwater {

inline constexpr size_t kMaxFlushLine = 2048;  // a name of 255 octets, escaped, and its words

// What holds for lines that say nothing of it.
struct FlushLineDefaults {
  bool suffix = false;
  bool hard = false;
  std::optional<dns::Type> type{};
};

// Nothing for a line that is empty or a comment; the error says what is wrong with it.
TextResult<std::optional<FlushRequest>> ParseFlushLine(std::string_view line,
                                                       const FlushLineDefaults& defaults);
// The line that is read as this request, whatever was said in words before.
std::string FlushLineOf(const FlushRequest& request);

}  // namespace breakwater
