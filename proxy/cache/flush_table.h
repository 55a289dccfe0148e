// Flushes that take effect in constant time (FEATURES.md, 2; MECHANISMS.md, 3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/dns/name.h"
#include "proxy/dns/types.h"

namespace breakwater {

struct FlushRequest {
  dns::Name name;
  std::optional<dns::Type> type;  // none: every type
  bool suffix = false;            // the name and all below it; the root with suffix is everything
  bool hard = false;              // gone at once, cannot be undone
};

using FlushId = uint64_t;

enum class UndoResult : uint8_t { kUndone, kUnknown, kSuperseded, kHard };

struct FlushStatus {
  FlushId id = 0;
  FlushRequest request;
  bool undone = false;
  bool swept = false;        // `matched` is final once the sweeper has passed
  uint64_t matched = 0;
};

}  // namespace breakwater
