#include "proxy/cache/cache_key.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/byte_reader.h"
#include "proxy/base/byte_writer.h"
#include "proxy/base/hash.h"
#include "proxy/cache/key_options.h"
#include "proxy/dns/header.h"
#include "proxy/dns/name.h"

namespace breakwater {
namespace {

constexpr uint16_t kClientSubnet = static_cast<uint16_t>(dns::OptionCode::kClientSubnet);
// More options than this in one query are nobody's real query.
constexpr size_t kMaxKeyOptions = 8;

// The largest rank not above the size; below the smallest rank the size itself.
uint16_t RankedSize(const std::vector<uint16_t>& ranks, uint16_t size) {
  const auto above = std::upper_bound(ranks.begin(), ranks.end(), size);
  return above == ranks.begin() ? size : *(above - 1);
}

struct CountedOption {
  uint16_t code = 0;
  std::span<const uint8_t> content;
};

// Writes the options that count, sorted by code: the order in the query does not matter.
bool WriteOptions(std::span<const uint8_t> message, const dns::Edns& edns,
                  const CacheKeyOptions& options, KeySubnet subnet, ByteWriter& tail) {
  std::array<CountedOption, kMaxKeyOptions> counted;
  size_t count = 0;
  bool too_many = false;
  dns::ForEachOption(message, edns, [&](dns::OptionCode option, std::span<const uint8_t> content) {
    const auto code = static_cast<uint16_t>(option);
    const bool left_out = code == kClientSubnet && subnet == KeySubnet::kLeftOut;
    if (left_out || KeySkipsOption(options, option)) return true;
    too_many = count == kMaxKeyOptions;
    if (!too_many) counted[count++] = {code, content};
    return !too_many;
  });
  if (too_many) return false;
  std::stable_sort(counted.begin(), counted.begin() + static_cast<std::ptrdiff_t>(count),
                   [](const auto& a, const auto& b) { return a.code < b.code; });
  for (size_t i = 0; i < count; ++i) {
    tail.U16(counted[i].code);
    tail.U16(static_cast<uint16_t>(counted[i].content.size()));
    tail.Bytes(counted[i].content);
  }
  return tail.ok();
}

// False where what counts does not fit the tail.
bool AddEdns(const KeySource& query, const CacheKeyOptions& options, KeySubnet subnet,
             CacheKey& key) {
  const dns::Edns& edns = query.edns;
  // Extended rcode, version and flags lie where other records have their TTL (RFC 6891, 6.1.3).
  const uint32_t fixed = LoadU32(query.message.data() + edns.offset + 5);
  constexpr uint32_t kDoBit = 0x8000;
  ByteWriter tail(key.tail);
  key.bits |= kKeyEdns;
  if (edns.dnssec_ok) key.bits |= kKeyDo;
  if ((fixed & ~kDoBit) != 0) {
    key.bits |= kKeyOddEdnsInTail;
    tail.U32(fixed);
  }
  if (!options.payload_ranks.empty()) {
    key.bits |= kKeyRankInTail;
    tail.U16(RankedSize(options.payload_ranks, edns.udp_size));
  }
  if (edns.options_length != 0 && !WriteOptions(query.message, edns, options, subnet, tail)) {
    return false;
  }
  key.tail_length = static_cast<uint8_t>(tail.offset());
  return true;
}

// The bits that a shard makes tags of.
uint64_t TagBits(uint16_t bits) {
  return static_cast<uint64_t>(static_cast<uint16_t>(bits * 0x9e37u)) << 32;
}

// Keys that differ in bits alone, without a tail, have one home in one shard, where siblings are
// found, and different tags, so that they do not stand in each other's way.
uint64_t HashKey(std::span<const uint8_t> name, const CacheKey& key) {
  std::array<uint8_t, dns::kMaxNameLength + 6 + sizeof(key.tail)> bytes;
  dns::FoldInto(name, bytes.data());
  size_t size = name.size();
  StoreU16(bytes.data() + size, static_cast<uint16_t>(key.type));
  StoreU16(bytes.data() + size + 2, static_cast<uint16_t>(key.cls));
  StoreU16(bytes.data() + size + 4, key.tail_length == 0 ? 0 : key.bits);
  const uint64_t tag = key.tail_length == 0 ? TagBits(key.bits) : 0;
  size += 6;
  std::memcpy(bytes.data() + size, key.tail.data(), key.tail_length);
  return HashBytes({bytes.data(), size + key.tail_length}, ProcessHashSeed()) ^ tag;
}

}  // namespace

bool HasPlainHeader(const dns::Header& query, const dns::Edns& edns) {
  constexpr uint16_t kPlain = dns::kFlagRd | dns::kFlagAd | dns::kFlagCd;
  return (query.flags() & ~kPlain) == 0 && query.count(dns::Section::kQuestion) == 1 &&
         query.count(dns::Section::kAnswer) == 0 && query.count(dns::Section::kAuthority) == 0 &&
         query.count(dns::Section::kAdditional) == (edns.present ? 1 : 0);
}

std::span<const uint8_t> KeyOptions(std::span<const uint8_t> tail, uint16_t bits) {
  size_t skip = 0;
  if ((bits & kKeyOddEdnsInTail) != 0) skip += 4;
  if ((bits & kKeyRankInTail) != 0) skip += 2;
  return tail.subspan(std::min(skip, tail.size()));
}

bool KeyCoversOption(std::span<const uint8_t> tail, uint16_t bits, uint16_t code) {
  ByteReader reader(KeyOptions(tail, bits));
  while (reader.remaining() >= 4) {
    if (reader.U16() == code) return true;
    reader.Skip(reader.U16());
  }
  return false;
}

std::optional<CacheKey> MakeCacheKey(const KeySource& query, const CacheKeyOptions& options,
                                     KeySubnet subnet) {
  std::optional<CacheKey> key(std::in_place);
  if (!FillCacheKey(query, options, subnet, *key)) key.reset();
  return key;
}

bool FillCacheKey(const KeySource& query, const CacheKeyOptions& options, KeySubnet subnet,
                  CacheKey& key) {
  const auto& [message, question, edns] = query;
  const dns::Header header = dns::ConstHeader(message.data());
  if (!HasPlainHeader(header, edns)) return false;
  if (question.type == dns::Type::kAxfr || question.type == dns::Type::kIxfr) return false;
  const size_t end = edns.present ? edns.end() : question.end();
  if (message.size() != end) return false;

  key.type = question.type;
  key.cls = question.cls;
  if (header.Has(dns::kFlagRd)) key.bits |= kKeyRd;
  if (header.Has(dns::kFlagAd)) key.bits |= kKeyAd;
  if (header.Has(dns::kFlagCd)) key.bits |= kKeyCd;
  if (edns.present && !AddEdns(query, options, subnet, key)) return false;
  key.hash = HashKey(message.subspan(dns::kHeaderSize, question.name_length), key);
  return true;
}

std::optional<CacheKey> RebuildCacheKey(const KeptKey& kept) {
  constexpr uint16_t kKnown = kKeySiblingBits | kKeyOddEdnsInTail | kKeyRankInTail;
  const bool edns = (kept.bits & kKeyEdns) != 0;
  const bool of_edns = (kept.bits & (kKeyDo | kKeyOddEdnsInTail | kKeyRankInTail)) != 0;
  CacheKey key;
  if ((kept.bits & ~kKnown) != 0 || kept.tail.size() > key.tail.size()) return std::nullopt;
  if (!edns && (of_edns || !kept.tail.empty())) return std::nullopt;
  if (kept.type == dns::Type::kAxfr || kept.type == dns::Type::kIxfr) return std::nullopt;
  ByteReader reader(kept.tail);
  if ((kept.bits & kKeyOddEdnsInTail) != 0) reader.Skip(4);
  if ((kept.bits & kKeyRankInTail) != 0) reader.Skip(2);
  while (reader.remaining() > 0) {
    reader.Skip(2);
    reader.Skip(reader.U16());
  }
  if (!reader.ok()) return std::nullopt;
  key.type = kept.type;
  key.cls = kept.cls;
  key.bits = kept.bits;
  key.tail_length = static_cast<uint8_t>(kept.tail.size());
  std::copy(kept.tail.begin(), kept.tail.end(), key.tail.begin());
  key.hash = HashKey(kept.name, key);
  return key;
}

}  // namespace breakwater
