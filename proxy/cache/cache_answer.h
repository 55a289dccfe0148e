// What the cache needs to know of an answer before it can be shared: where its TTLs are, which
// parts of it belong to one client alone, and what decides for how long it is kept. Made by one
// walk over the records on the inserting worker; a value on its stack, it points into nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "proxy/cache/cache_key.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/question.h"
#include "proxy/dns/types.h"

namespace breakwater {

inline constexpr uint32_t kNoTtl = std::numeric_limits<uint32_t>::max();

struct CacheAnswer {
  // An answer with more records than this is not worth a place in the cache.
  static constexpr size_t kMaxTtls = 1024;

  dns::Question question;
  dns::Edns edns;
  dns::RCode rcode{};      // with the OPT's upper bits
  bool truncated = false;  // TC
  bool soa_in_authority = false;
  // The first end of a signature, seconds since 1970 modulo 2^32 (RFC 4034, 3.1.5).
  std::optional<uint32_t> signed_until{};
  uint32_t lowest_ttl = kNoTtl;  // of the records before the OPT; kNoTtl: there are none
  size_t size = 0;               // without trailing data
  size_t ttl_count = 0;
  std::array<uint16_t, kMaxTtls> ttl_offsets;  // into the answer as it came; not the OPT's
};

// Nothing where the message is no sound answer to one question, is signed for one client (TSIG,
// SIG(0)), or has more than kMaxTtls records. `message` is at most 65535 bytes.
bool ExamineAnswer(std::span<const uint8_t> message, CacheAnswer& answer);

// Whether an option of an answer is for all who ask by this key: extended errors, client subnet and
// the options that the key covers.
bool OptionIsShareable(dns::OptionCode code, const CacheKey& key);

// The size of the copy that may be shared: without trailing data, its OPT with what is shareable.
size_t ShareableSize(std::span<const uint8_t> message, const CacheAnswer& answer,
                     const CacheKey& key);

// Where the copy goes: `packet` has ShareableSize() bytes, `ttl_offsets` room for ttl_count.
struct ShareableCopy {
  uint8_t* packet;
  uint16_t* ttl_offsets;  // into the copy
};
void CopyShareable(std::span<const uint8_t> message, const CacheAnswer& answer, const CacheKey& key,
                   const ShareableCopy& out);

}  // namespace breakwater
