// What is counted of one bind's TLS, by all workers.
#pragma once

#include <array>
#include <cstdint>

#include "proxy/base/counter.h"
#include "proxy/net/tls_settings.h"

namespace breakwater {

enum class TlsFailure : uint8_t {
  kDhKeyTooSmall,
  kInappropriateFallback,
  kNoSharedCipher,
  kUnknownCipherType,
  kUnknownKeyExchangeType,
  kUnknownProtocol,
  kUnsupportedEc,
  kUnsupportedProtocol,
  kOther,  // counted in no metric of its own
};
inline constexpr size_t kTlsFailures = 9;
// "dhKeyTooSmall": the label on /metrics.
const char* TlsFailureName(TlsFailure failure);

struct TlsCounters {
  SharedCounter new_sessions;
  SharedCounter resumed_sessions;
  SharedCounter unknown_ticket_keys;   // the session is made anew
  SharedCounter inactive_ticket_keys;  // resumed, with a fresh ticket
  SharedCounter message_floods;        // connections that talked of keys, and sent no data
  std::array<SharedCounter, kTlsVersions> queries;
  std::array<SharedCounter, kTlsFailures> failures;
};

}  // namespace breakwater
