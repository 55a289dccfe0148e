// What one HTTP/2 connection may cost, and nghttp2's own limits.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

namespace breakwater::h2 {

// Frames: see H2Server::Pay().
inline constexpr double kMostCredit = 1000;
inline constexpr double kCreditPerSecond = 50;
inline constexpr double kCreditPerRequest = 8;
inline constexpr unsigned kResetCost = 10;

inline constexpr int32_t kConnectionWindow = 128 << 10;  // bodies in progress, all together
inline constexpr size_t kMostRequestBytes = size_t{384} << 10;
inline constexpr size_t kMostHeld = size_t{1} << 20;  // answers the client does not let us send

inline nghttp2_option* MakeOptions() {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) return nullptr;
  nghttp2_option_set_no_auto_window_update(made, 1);
  nghttp2_option_set_no_closed_streams(made, 1);
  nghttp2_option_set_max_outbound_ack(made, 100);
  nghttp2_option_set_max_settings(made, 32);
  nghttp2_option_set_max_continuations(made, 8);
  nghttp2_option_set_stream_reset_rate_limit(made, 1000, 100);
  // Known, that they be counted: nghttp2 says nothing of types it does not know.
  for (unsigned type = 0x0A; type <= 0xFF; ++type) {
    nghttp2_option_set_user_recv_extension_type(made, static_cast<uint8_t>(type));
  }
  return made;
}
inline const nghttp2_option* Options() {
  static const nghttp2_option* const made = MakeOptions();
  return made;
}

}  // namespace breakwater::h2
