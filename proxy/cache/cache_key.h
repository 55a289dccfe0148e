// What may be shared: two queries with equal keys may get the same answer (MECHANISMS.md, 1).
// The name is not in here, it lies in the message; the whole key, name included, is compared on
// a hit, never the hash alone. A value; it lives in the query while that is under way.
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
  std::vector<uint16_t> payload_ranks{};          // ascending; empty: the UDP size does not count
};

// CacheKey::bits. The bits "…InTail" say what stands in front of the options in the tail.
inline constexpr uint16_t kKeyRd = 0x0001;
inline constexpr uint16_t kKeyAd = 0x0002;
inline constexpr uint16_t kKeyCd = 0x0004;
inline constexpr uint16_t kKeyDo = 0x0008;
inline constexpr uint16_t kKeyEdns = 0x0010;
inline constexpr uint16_t kKeyOddEdnsInTail = 0x0020;  // version or flags other than 0: 4 bytes
inline constexpr uint16_t kKeyRankInTail = 0x0040;     // the UDP size, ranked: 2 bytes
// Set by the cache alone, on entries that hold an answer with TC.
inline constexpr uint16_t kKeyTruncated = 0x8000;

// Questions that differ in these alone have the same answer, but for signatures (DO): a nameserver
// with authority looks at none of the others. For want of their own they may share a last good one.
inline constexpr uint16_t kKeySiblingBits = kKeyRd | kKeyAd | kKeyCd | kKeyDo | kKeyEdns;

struct CacheKey {
  uint64_t hash = 0;  // seeded at random once a process
  dns::Type type{};
  dns::Class cls{};
  uint16_t bits = 0;  // of the constants above; the opcode is always QUERY
  uint8_t tail_length = 0;
  std::array<uint8_t, 64> tail;  // EDNS options that count, sorted by code, client subnet too

  std::span<const uint8_t> Tail() const { return {tail.data(), tail_length}; }
};

// The options of a tail (code, length, content, as on the wire), behind what `bits` says.
std::span<const uint8_t> KeyOptions(std::span<const uint8_t> tail, uint16_t bits);
// True where an option of this code is part of a key.
bool KeyCoversOption(std::span<const uint8_t> tail, uint16_t bits, uint16_t code);

// `question` and `edns` must come from the message.
struct KeySource {
  std::span<const uint8_t> message;
  const dns::Question& question;
  const dns::Edns& edns;
};
// One question and perhaps OPT, and the flags that a query has. The others mean nothing in a query,
// yet a backend may look at them, so that its answer is for this asker alone.
bool HasPlainHeader(const dns::Header& query, const dns::Edns& edns);

// Left out: the look-up for answers of scope 0.
enum class KeySubnet : uint8_t { kAsOptionsSay, kLeftOut };

// Nothing when the query must not be shared: opcode other than QUERY, header flags no query has,
// AXFR, IXFR, records beside one OPT, TSIG, SIG(0), trailing data, or options too long for the
// tail.
std::optional<CacheKey> MakeCacheKey(const KeySource& query, const CacheKeyOptions& options,
                                     KeySubnet subnet = KeySubnet::kAsOptionsSay);
// The same in place, in a key as new; false for nothing. For the path of a query.
bool FillCacheKey(const KeySource& query, const CacheKeyOptions& options, KeySubnet subnet,
                  CacheKey& key);

// The key of an entry that was kept on disk, hashed with the seed of this process. Nothing where no
// query can have it.
struct KeptKey {
  std::span<const uint8_t> name;
  dns::Type type;
  dns::Class cls;
  uint16_t bits;
  std::span<const uint8_t> tail;
};
std::optional<CacheKey> RebuildCacheKey(const KeptKey& kept);

}  // namespace breakwater
