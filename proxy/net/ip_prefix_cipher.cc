// ipcrypt-pfx, draft-denis-ipcrypt: each bit is turned by a bit of the sum of two AES permutations
// of the bits before it.
#include <algorithm>

#include "proxy/net/aes_blocks.h"
#include "proxy/net/ip_cipher.h"

namespace breakwater {
namespace {

using Block = std::array<uint8_t, 16>;

unsigned BitAt(const Block& block, unsigned place) {
  return (block[place / 8] >> (7 - place % 8)) & 1U;
}

void ShiftIn(Block& block, unsigned bit) {
  for (size_t i = 0; i + 1 < block.size(); ++i) {
    block[i] = static_cast<uint8_t>(block[i] << 1 | block[i + 1] >> 7);
  }
  block[15] = static_cast<uint8_t>(block[15] << 1 | bit);
}

}  // namespace

TextResult<IpPrefixKey> IpPrefixKeyFrom(std::string_view octets) {
  IpPrefixKey key{};
  if (octets.size() != key.size() || octets.substr(0, 16) == octets.substr(16)) {
    return Fail(
        std::string("the key of ipcrypt-pfx must have 32 octets, in two halves that differ"));
  }
  std::copy(octets.begin(), octets.end(), key.begin());
  return key;
}

Address EncryptKeepingPrefixes(const Address& address, const IpPrefixKey& key) {
  const auto raw = address.Raw();
  if (raw.empty()) return address;
  const unsigned first = 128 - 8 * static_cast<unsigned>(raw.size());
  Block plain{};
  if (first != 0) plain[10] = plain[11] = 0xff;  // IPv4 as ::ffff:a.b.c.d
  std::copy(raw.begin(), raw.end(), plain.begin() + first / 8);
  // A one, and behind it the bits so far.
  Block before{};
  before[15] = 1;
  for (unsigned place = 0; place < first; ++place) ShiftIn(before, BitAt(plain, place));
  // A block for each bit, all of the plain address, so that each key has one call.
  std::array<uint8_t, 128 * 16> one{};
  const size_t size = size_t{128 - first} * 16;
  for (unsigned place = first; place < 128; ++place) {
    std::copy(before.begin(), before.end(), one.begin() + (place - first) * 16);
    ShiftIn(before, BitAt(plain, place));
  }
  std::array<uint8_t, 128 * 16> two = one;
  const std::span keys(key);
  CryptAesBlocks(AesDirection::kEncrypt, keys.first<16>(), std::span(one).first(size));
  CryptAesBlocks(AesDirection::kEncrypt, keys.last<16>(), std::span(two).first(size));
  Block cipher = plain;
  for (unsigned place = first; place < 128; ++place) {
    const size_t last = size_t{place - first} * 16 + 15;
    if (((one[last] ^ two[last]) & 1) != 0) {
      cipher[place / 8] = static_cast<uint8_t>(cipher[place / 8] ^ 0x80 >> place % 8);
    }
  }
  return Address::FromRaw(std::span(cipher).subspan(first / 8), address.port());
}

}  // namespace breakwater
