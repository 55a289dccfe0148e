// SOA serials: how they compare (RFC 1982), what is told of them, and the settings of what follows
// where a server stands behind. Values and pure functions; any thread.
//
// What a server tells may come from a cache of its own: PowerDNS keeps whole answers for 20 s or
// longer, and behind them the SOA record in more than one place, for 20 s each. After a change it
// tells the new serial in one answer and the old one in the next. So only a question that no cache
// of answers knows is believed where a serial goes back (SerialSource::kServer):
// - An answer that would make its server bad at once, or one that is bad good again, counts for
//   nothing by itself. The server is unproved until it has been asked.
// - The server, asked, tells an older serial than it has told before: it has gone back. Not so
//   where it has told the newer one in clients' answers alone, a moment ago, and was not away
//   meanwhile: that one may come from another cache than the older one, and both are true.
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

enum class SerialSource : uint8_t {
  kAnswer,  // an answer that a cache of the server's may have given
  kServer   // one to a question for the SOA record that no cache of answers knows
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
