// What may be shared: two queries with equal keys may get the same answer (MECHANISMS.md, 1).
// The name is not in here, it lies in the message; the whole key, name included, is compared on
// a hit, never the hash alone.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proxy/dns/edns.h"
#include "proxy/dns/question.h"

namespace breakwater {

struct CacheKeyOptions {
  std::vector<uint16_t> skip_options = {10, 12};  // EDNS options that do not count
  bool parse_ecs = false;                         // the client subnet counts
  std::vector<uint16_t> payload_ranks;            // ascending; empty: the UDP size does not count
};

struct CacheKey {
  uint64_t hash = 0;
  dns::Type type{};
  dns::Class cls{};
  uint16_t bits = 0;        // opcode, RD, AD, CD, DO, EDNS present, EDNS version, rank ...
  uint8_t tail_length = 0;
  std::array<uint8_t, 64> tail{};  // EDNS options that count, sorted by code, and client subnet

  std::span<const uint8_t> Tail() const { return {tail.data(), tail_length}; }
};

// Nothing when the query must not be shared: opcode other than QUERY, AXFR, IXFR, records beside
// one OPT, TSIG, SIG(0), trailing data, or options too long for the tail.
// `with_client_subnet` false leaves the client subnet out (the look-up for answers of scope 0).
std::optional<CacheKey> MakeCacheKey(std::span<const uint8_t> message,
                                     const dns::Question& question, const dns::Edns& edns,
                                     const CacheKeyOptions& options, bool with_client_subnet);

}  // namespace breakwater
