#include "proxy/cache/cache_entry.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/name.h"

namespace breakwater {
namespace {

constexpr uint16_t kClientFlags = dns::kFlagRd | dns::kFlagCd;

bool SameName(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  // Most clients write names as the last one did.
  return a.size() == b.size() &&
         (std::memcmp(a.data(), b.data(), a.size()) == 0 || dns::EqualFold(a, b));
}

struct AddressRun {
  size_t count = 0;
  size_t first = 0;   // index of its first TTL offset
  size_t length = 0;  // of one address
};

// Offsets of type, class, length and data from a record's TTL offset (RFC 1035, 4.1.3); the
// offsets were recorded by a walk that checked them.
dns::Type TypeBefore(const uint8_t* ttl) {
  return static_cast<dns::Type>(LoadU16(ttl - 4));
}
size_t DataLength(const uint8_t* ttl) {
  return LoadU16(ttl + 4);
}

AddressRun FindAddressRun(const CacheEntry& entry) {
  const std::span<const uint8_t> message = entry.message();
  const auto ttls = entry.ttls();
  const size_t answers =
      std::min<size_t>(ttls.size(), dns::ConstHeader(message.data()).count(dns::Section::kAnswer));
  AddressRun run;
  dns::Type type{};
  std::span<const uint8_t> owner;
  size_t start = dns::kHeaderSize + entry.name_length + 4u;
  for (size_t i = 0; i < answers; ++i) {
    const uint8_t* ttl = message.data() + ttls[i];
    const size_t length = DataLength(ttl);
    const auto own = message.subspan(start, ttls[i] - 4u - start);
    start = ttls[i] + 6u + length;
    const dns::Type own_type = TypeBefore(ttl);
    const bool address = (own_type == dns::Type::kA && length == 4) ||
                         (own_type == dns::Type::kAaaa && length == 16);
    if (run.count != 0) {
      if (!address || own_type != type || !std::ranges::equal(own, owner)) break;
    } else if (address) {
      run = {0, i, length};
      type = own_type;
      owner = own;
    }
    if (address) ++run.count;
  }
  return run;
}

uint64_t NextRandom(uint64_t& state) {
  // xorshift64: the order of addresses is no secret.
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

}  // namespace

bool CacheEntry::MaySpeakFor(uint16_t bits) const {
  if ((key_bits & ~kKeySiblingBits) != 0) return false;
  // A resolver looks at RD and CD; who has authority does not.
  if (!dns::ConstHeader(message().data()).Has(dns::kFlagAa)) return false;
  // Signatures and an OPT are there for who asked so, signatures for nobody else.
  if ((bits & ~key_bits & (kKeyDo | kKeyEdns)) != 0) return false;
  return !is_signed || (bits & kKeyDo) != 0;
}

bool CacheEntry::MatchesQuestion(const CacheKey& key, std::span<const uint8_t> client_name) const {
  return tail_length == key.tail_length && type() == key.type && cls() == key.cls &&
         SameName(name(), client_name) &&
         std::memcmp(tail().data(), key.tail.data(), tail_length) == 0;
}

void FreeEntry::operator()(CacheEntry* entry) const {
  std::free(entry);
}

CacheEntryPtr MakeCacheEntry(const CacheKey& key, std::span<const uint8_t> message,
                             const CacheAnswer& answer) {
  const size_t length = ShareableSize(message, answer, key);
  if (length > 0xffff) return nullptr;
  const size_t size = offsetof(CacheEntry, bytes) + 2 * answer.ttl_count + length + key.tail_length;
  CacheEntryPtr entry(static_cast<CacheEntry*>(std::malloc(std::max(size, sizeof(CacheEntry)))));
  if (!entry) return nullptr;
  std::memset(entry.get(), 0, offsetof(CacheEntry, bytes));
  entry->hash = static_cast<uint32_t>(key.hash);
  entry->key_bits = static_cast<uint16_t>(key.bits | (answer.truncated ? kKeyTruncated : 0));
  entry->length = static_cast<uint16_t>(length);
  entry->ttl_count = static_cast<uint16_t>(answer.ttl_count);
  entry->name_length = static_cast<uint8_t>(answer.question.name_length);
  entry->tail_length = key.tail_length;
  entry->is_signed = answer.signed_until.has_value();
  CopyShareable(message, answer, key, {entry->packet(), entry->ttl_offsets()});
  std::memcpy(entry->packet() + length, key.tail.data(), key.tail_length);
  return entry;
}

CacheEntryPtr CloneCacheEntry(const CacheEntry& entry) {
  const size_t size = std::max(entry.size(), sizeof(CacheEntry));
  CacheEntryPtr copy(static_cast<CacheEntry*>(std::malloc(size)));
  if (copy) std::memcpy(static_cast<void*>(copy.get()), &entry, entry.size());
  return copy;
}

CacheEntryPtr CopyForKey(const CacheEntry& entry, const CacheKey& key) {
  const size_t kept = entry.size() - entry.tail_length;
  CacheEntryPtr copy(
      static_cast<CacheEntry*>(std::malloc(std::max(kept + key.tail_length, sizeof(CacheEntry)))));
  if (!copy) return nullptr;
  std::memcpy(static_cast<void*>(copy.get()), &entry, kept);
  copy->newer = copy->older = nullptr;
  copy->hash = static_cast<uint32_t>(key.hash);
  copy->key_bits = key.bits;
  copy->tail_length = key.tail_length;
  copy->ttl_s = 0;
  copy->refresh = 0;
  copy->asked_ahead = copy->held = false;
  std::memcpy(copy->packet() + copy->length, key.tail.data(), key.tail_length);
  return copy;
}

void CopyToClient(const CacheEntry& entry, const TtlRewrite& rewrite, uint8_t* buffer) {
  const std::span<const uint8_t> message = entry.message();
  const uint16_t flags = LoadU16(message.data() + 2);
  const uint16_t client = LoadU16(buffer + 2);
  StoreU16(buffer + 2, static_cast<uint16_t>((flags & ~kClientFlags) | (client & kClientFlags)));
  std::memcpy(buffer + 4, message.data() + 4, dns::kHeaderSize - 4);
  const size_t after_name = dns::kHeaderSize + entry.name_length;
  std::memcpy(buffer + after_name, message.data() + after_name, message.size() - after_name);
  if (rewrite.fixed_s != kNoTtl) {
    for (const uint16_t offset : entry.ttls()) StoreU32(buffer + offset, rewrite.fixed_s);
  } else if (rewrite.age_s != 0) {
    for (const uint16_t offset : entry.ttls()) {
      const uint32_t ttl = LoadU32(buffer + offset);
      StoreU32(buffer + offset, ttl > rewrite.age_s ? ttl - rewrite.age_s : 0);
    }
  }
}

void ShuffleAddresses(const CacheEntry& entry, uint8_t* buffer, uint64_t& random) {
  const AddressRun run = FindAddressRun(entry);
  const auto ttls = entry.ttls();
  for (size_t left = run.count; left > 1; --left) {
    const size_t other = static_cast<size_t>(NextRandom(random) >> 11) % left;
    uint8_t* a = buffer + ttls[run.first + left - 1] + 6;
    uint8_t* b = buffer + ttls[run.first + other] + 6;
    if (a != b) std::swap_ranges(a, a + run.length, b);
  }
}

}  // namespace breakwater
