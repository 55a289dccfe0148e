// AES-128 of single blocks, for the ciphers of addresses: no chaining, no padding. Pure; any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace breakwater {

enum class AesDirection : uint8_t { kEncrypt, kDecrypt };

// `blocks`, a multiple of 16 octets, in place. All zero where memory is short.
void CryptAesBlocks(AesDirection direction, std::span<const uint8_t, 16> key,
                    std::span<uint8_t> blocks);

}  // namespace breakwater
