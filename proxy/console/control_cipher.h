// The encryption of dnsdist's console: libsodium's secretbox under the shared key of setKey(),
// with nonces made of both sides' (cli.md). One object a connection; not for two threads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace breakwater {

inline constexpr size_t kConsoleKeySize = 32;
inline constexpr size_t kConsoleNonceSize = 24;
inline constexpr size_t kConsoleLengthSize = 4;  // in front of each sealed message

using ConsoleNonce = std::array<uint8_t, kConsoleNonceSize>;

ConsoleNonce RandomConsoleNonce();

class ControlCipher {
 public:
  // `key` as setKey() decoded it; anything but 32 bytes is an error.
  static TextResult<ControlCipher> Make(std::string_view key, const ConsoleNonce& ours,
                                        const ConsoleNonce& theirs);

  // The length and the sealed text, ready to be sent.
  std::string Seal(std::string_view text);
  // `box` without its length. kBadOption where the key is another or the text was changed.
  Result<std::string> Open(std::span<const uint8_t> box);
  // Size of the box that follows, from its first four bytes.
  static uint32_t BoxSize(std::span<const uint8_t, kConsoleLengthSize> length);

 private:
  ControlCipher() = default;
  std::array<uint8_t, kConsoleKeySize> key_{};
  ConsoleNonce reading_{};
  ConsoleNonce writing_{};
};

// makeKey(): a fresh key as base64 text. DecodeConsoleKey gives the raw bytes of one.
std::string MakeConsoleKey();
TextResult<std::string> DecodeConsoleKey(std::string_view base64);

}  // namespace breakwater
