#include "proxy/net/ip_cipher.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>

#include "proxy/net/aes_blocks.h"

namespace breakwater {
namespace {

using Four = std::array<uint8_t, 4>;

uint8_t Sum(uint8_t a, uint8_t b) {
  return static_cast<uint8_t>(a + b);
}
uint8_t Difference(uint8_t a, uint8_t b) {
  return static_cast<uint8_t>(a - b);
}

void Mix(Four& b) {
  b[0] = Sum(b[0], b[1]);
  b[2] = Sum(b[2], b[3]);
  b[1] = static_cast<uint8_t>(std::rotl(b[1], 2) ^ b[0]);
  b[3] = static_cast<uint8_t>(std::rotl(b[3], 5) ^ b[2]);
  b[0] = Sum(std::rotl(b[0], 4), b[3]);
  b[2] = Sum(b[2], b[1]);
  b[1] = static_cast<uint8_t>(std::rotl(b[1], 3) ^ b[2]);
  b[3] = static_cast<uint8_t>(std::rotl(b[3], 7) ^ b[0]);
  b[2] = std::rotl(b[2], 4);
}

void Unmix(Four& b) {
  b[2] = std::rotr(b[2], 4);
  b[1] = std::rotr(static_cast<uint8_t>(b[1] ^ b[2]), 3);
  b[3] = std::rotr(static_cast<uint8_t>(b[3] ^ b[0]), 7);
  b[0] = std::rotr(Difference(b[0], b[3]), 4);
  b[2] = Difference(b[2], b[1]);
  b[1] = std::rotr(static_cast<uint8_t>(b[1] ^ b[0]), 2);
  b[3] = std::rotr(static_cast<uint8_t>(b[3] ^ b[2]), 5);
  b[0] = Difference(b[0], b[1]);
  b[2] = Difference(b[2], b[3]);
}

void AddKey(Four& b, const IpCipherKey& key, size_t round) {
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<uint8_t>(b[i] ^ key[4 * round + i]);
}

using Direction = AesDirection;

Four CryptFour(Four b, const IpCipherKey& key, Direction direction) {
  if (direction == Direction::kEncrypt) {
    AddKey(b, key, 0);
    for (size_t round = 1; round < 4; ++round) {
      Mix(b);
      AddKey(b, key, round);
    }
    return b;
  }
  AddKey(b, key, 3);
  for (size_t round = 3; round-- > 0;) {
    Unmix(b);
    AddKey(b, key, round);
  }
  return b;
}

Address Crypt(const Address& address, const IpCipherKey& key, Direction direction) {
  const auto raw = address.Raw();
  if (raw.empty()) return address;
  if (address.IsV6()) {
    std::array<uint8_t, 16> block{};
    std::copy(raw.begin(), raw.end(), block.begin());
    CryptAesBlocks(direction, key, block);
    return Address::FromRaw(block, address.port());
  }
  Four four{};
  std::copy(raw.begin(), raw.end(), four.begin());
  return Address::FromRaw(CryptFour(four, key, direction), address.port());
}

}  // namespace

IpCipherKey MakeIpCipherKey(std::string_view password) {
  constexpr std::string_view kSalt = "ipcipheripcipher";
  constexpr int kRounds = 50'000;
  IpCipherKey key{};
  PKCS5_PBKDF2_HMAC_SHA1(password.data(), static_cast<int>(password.size()),
                         reinterpret_cast<const uint8_t*>(kSalt.data()),
                         static_cast<int>(kSalt.size()), kRounds, static_cast<int>(key.size()),
                         key.data());
  return key;
}

TextResult<IpCipherKey> IpCipherKeyFrom(std::string_view octets) {
  IpCipherKey key{};
  if (octets.size() != key.size()) {
    return Fail(std::string("the key must have 16 octets: makeIPCipherKey(password) makes one"));
  }
  std::copy(octets.begin(), octets.end(), key.begin());
  return key;
}

Address EncryptAddress(const Address& address, const IpCipherKey& key) {
  return Crypt(address, key, Direction::kEncrypt);
}
Address DecryptAddress(const Address& address, const IpCipherKey& key) {
  return Crypt(address, key, Direction::kDecrypt);
}

}  // namespace breakwater
