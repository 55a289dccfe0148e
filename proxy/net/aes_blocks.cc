#include "proxy/net/aes_blocks.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace breakwater {

void CryptAesBlocks(AesDirection direction, std::span<const uint8_t, 16> key,
                    std::span<uint8_t> blocks) {
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(EVP_CIPHER_CTX_new(),
                                                                           EVP_CIPHER_CTX_free);
  const int encrypt = direction == AesDirection::kEncrypt ? 1 : 0;
  int length = 0;
  const bool good =
      context != nullptr &&
      EVP_CipherInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, key.data(), nullptr, encrypt) &&
      EVP_CIPHER_CTX_set_padding(context.get(), 0) &&
      EVP_CipherUpdate(context.get(), blocks.data(), &length, blocks.data(),
                       static_cast<int>(blocks.size()));
  if (!good) std::fill(blocks.begin(), blocks.end(), uint8_t{0});
}

}  // namespace breakwater
