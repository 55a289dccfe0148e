#include "proxy/console/control_cipher.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cstdlib>

#include "proxy/base/log.h"
#include "proxy/base/random.h"

namespace breakwater {
namespace {

static_assert(kConsoleKeySize == crypto_secretbox_KEYBYTES);
static_assert(kConsoleNonceSize == crypto_secretbox_NONCEBYTES);
constexpr size_t kHalf = kConsoleNonceSize / 2;
constexpr int kBase64 = sodium_base64_VARIANT_ORIGINAL;

void EnsureSodium() {
  static const bool ready = sodium_init() >= 0;
  if (ready) return;
  LogError("console", "libsodium does not start");
  std::abort();
}

ConsoleNonce Merge(const ConsoleNonce& first_half, const ConsoleNonce& second_half) {
  ConsoleNonce merged = second_half;
  std::copy_n(first_half.begin(), kHalf, merged.begin());
  return merged;
}

// The first four bytes count up, big-endian.
void Increment(ConsoleNonce& nonce) {
  for (size_t i = 4; i-- > 0;) {
    if (++nonce[i] != 0) return;
  }
}

}  // namespace

ConsoleNonce RandomConsoleNonce() {
  ConsoleNonce nonce;
  FillRandom(nonce);
  return nonce;
}

TextResult<ControlCipher> ControlCipher::Make(std::string_view key, const ConsoleNonce& ours,
                                              const ConsoleNonce& theirs) {
  EnsureSodium();
  if (key.size() != kConsoleKeySize) {
    return Fail(fmt::format("the console key has {} bytes, not {}", key.size(), kConsoleKeySize));
  }
  ControlCipher cipher;
  std::copy(key.begin(), key.end(), cipher.key_.begin());
  cipher.writing_ = Merge(theirs, ours);
  cipher.reading_ = Merge(ours, theirs);
  return cipher;
}

std::string ControlCipher::Seal(std::string_view text) {
  const size_t size = text.size() + crypto_secretbox_MACBYTES;
  std::string sealed(kConsoleLengthSize + size, '\0');
  for (size_t i = 0; i < kConsoleLengthSize; ++i) {
    sealed[i] = static_cast<char>(size >> (8 * (kConsoleLengthSize - 1 - i)) & 0xff);
  }
  auto* box = reinterpret_cast<uint8_t*>(sealed.data()) + kConsoleLengthSize;
  crypto_secretbox_easy(box, reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                        writing_.data(), key_.data());
  Increment(writing_);
  return sealed;
}

Result<std::string> ControlCipher::Open(std::span<const uint8_t> box) {
  if (box.size() < crypto_secretbox_MACBYTES) return Fail(Error::kTruncated);
  std::string text(box.size() - crypto_secretbox_MACBYTES, '\0');
  if (crypto_secretbox_open_easy(reinterpret_cast<uint8_t*>(text.data()), box.data(), box.size(),
                                 reading_.data(), key_.data()) != 0) {
    return Fail(Error::kBadOption);
  }
  Increment(reading_);
  return text;
}

uint32_t ControlCipher::BoxSize(std::span<const uint8_t, kConsoleLengthSize> length) {
  return static_cast<uint32_t>(length[0]) << 24 | static_cast<uint32_t>(length[1]) << 16 |
         static_cast<uint32_t>(length[2]) << 8 | static_cast<uint32_t>(length[3]);
}

std::string MakeConsoleKey() {
  EnsureSodium();
  std::array<uint8_t, kConsoleKeySize> key;
  FillRandom(key);
  std::string text(sodium_base64_encoded_len(key.size(), kBase64), '\0');
  sodium_bin2base64(text.data(), text.size(), key.data(), key.size(), kBase64);
  text.resize(text.size() - 1);  // the terminating zero
  return text;
}

TextResult<std::string> DecodeConsoleKey(std::string_view base64) {
  EnsureSodium();
  std::string key(kConsoleKeySize + 1, '\0');
  size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<uint8_t*>(key.data()), key.size(), base64.data(),
                        base64.size(), " \n", &size, nullptr, kBase64) != 0 ||
      size != kConsoleKeySize) {
    return Fail(fmt::format("the console key is not {} bytes in base64 (makeKey() makes one)",
                            kConsoleKeySize));
  }
  key.resize(size);
  return key;
}

}  // namespace breakwater
