// SOA serials: how they compare (RFC 1982), what is told of them, and the settings of what follows
// where a server stands behind. Values and pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace breakwater {

// setZoneHealth{serials=true}: servers that stand behind for a zone are bad for it ("older").
// Seconds.
struct ZoneSerialSettings {
  static constexpr uint32_t kLongestInterval = 3600;
  bool on = false;
  uint32_t lag = 300;                  // so long a server may stand behind: ordinary secondaries do
  uint32_t interval = 60;              // between two questions to a server about a zone
  uint32_t accept_older_after = 3600;  // all that answer agree for so long: meant to be
  bool operator==(const ZoneSerialSettings&) const = default;
};

// Whether `one` comes before `other`. Of two that lie 2^31 apart neither does.
constexpr bool IsOlderSerial(uint32_t one, uint32_t other) {
  const uint32_t distance = other - one;
  return distance != 0 && distance < uint32_t{1} << 31;
}

// The newest that is known of a zone, and for how long servers have stood behind it, 0 where they
// do not: for so much of acceptOlderAfter.
struct KnownSerial {
  std::span<const uint8_t> apex;  // wire form, folded
  uint32_t serial = 0;
  uint32_t older_s = 0;
};

// What a server told last of a zone, and the newest that is known.
struct ToldSerial {
  uint32_t serial = 0;
  uint32_t newest = 0;
  bool IsBehind() const { return IsOlderSerial(serial, newest); }
  // "serial 2026112801", with ", behind 2026112803" where it is.
  std::string ToString() const;
};

}  // namespace breakwater
