// What a health check asks, and what it takes for an answer. Bytes in, bytes out: no sockets, no
// clock.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proxy/backend/backend_settings.h"

namespace breakwater {

// As the settings say, before a checkFunction. A name that does not parse asks for the root.
HealthCheckQuestion MakeHealthQuestion(const HealthCheckSettings& settings);
std::vector<uint8_t> MakeHealthQuery(const HealthCheckQuestion& question, uint16_t id);

enum class HealthVerdict : uint8_t {
  kGood,
  kParsing,   // too short, or cannot be parsed
  kMismatch,  // ID, name, type or class
  kInvalid,   // QR is clear, SERVFAIL, or not resolved where that is a must
  kRefused,   // a validator said no
  kTimeout,
  kNetwork,  // the socket said no
  kNoZones,  // a server of zone files that holds none
  // For reasons of our own; they say nothing about the nameserver.
  kShortage,    // no descriptor or no memory
  kScriptLate,  // Lua did not come back
};
HealthVerdict JudgeHealthReply(std::span<const uint8_t> query, std::span<const uint8_t> reply,
                               const HealthCheckSettings& settings);

}  // namespace breakwater
