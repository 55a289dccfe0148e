// ipcrypt-pfx, draft-denis-ipcrypt: each bit is turned by a bit of the sum of two AES permutations
// of the bits before it.
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "proxy/net/ip_cipher.h"

namespace breakwater {
namespace {

using Block = std::array<uint8_t, 16>;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// AES-128 of one block under one key. All zero for want of memory.
class Permutation {
 public:
  explicit Permutation(const uint8_t* key) : context_(EVP_CIPHER_CTX_new()) {
    good_ = context_ != nullptr &&
            EVP_EncryptInit_ex(context_.get(), EVP_aes_128_ecb(), nullptr, key, nullptr) == 1 &&
            EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1;
  }
  uint8_t LastOctet(const Block& block) {
    std::array<uint8_t, 32> out{};
    int length = 0;
    if (good_) {
      EVP_EncryptUpdate(context_.get(), out.data(), &length, block.data(),
                        static_cast<int>(block.size()));
    }
    return out[15];
  }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context_;
  bool good_ = false;
};

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
  Permutation one(key.data());
  Permutation two(key.data() + 16);
  Block cipher = plain;
  for (unsigned place = first; place < 128; ++place) {
    if (((one.LastOctet(before) ^ two.LastOctet(before)) & 1) != 0) {
      cipher[place / 8] = static_cast<uint8_t>(cipher[place / 8] ^ 0x80 >> place % 8);
    }
    ShiftIn(before, BitAt(plain, place));
  }
  return Address::FromRaw(std::span(cipher).subspan(first / 8), address.port());
}

}  // namespace breakwater
