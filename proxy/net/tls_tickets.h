// Session ticket keys of one bind (RFC 5077, section 4): the newest seals, the others still open
// what they sealed. Shared by all workers; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/result.h"

namespace breakwater {

struct TlsTicketKey {
  static constexpr size_t kNameSize = 16;
  static constexpr size_t kSize = 80;
  std::array<uint8_t, kNameSize> name;
  std::array<uint8_t, 32> cipher;  // AES-256
  std::array<uint8_t, 32> mac;     // HMAC-SHA-256

  static TlsTicketKey Random();
  static TlsTicketKey FromBytes(std::span<const uint8_t, kSize> bytes);
  std::array<uint8_t, kSize> Bytes() const;
  ~TlsTicketKey();  // forgets the secrets
};
using TlsTicketKeyPtr = std::shared_ptr<const TlsTicketKey>;

class TlsTicketKeys {
 public:
  // Told each key that is added, on the thread that adds it.
  using Hook = std::function<void(std::span<const uint8_t> key)>;

  // Begins with a random key. `most` keys are kept, at least one; `rotation_s` 0: only when asked.
  TlsTicketKeys(uint32_t most, uint32_t rotation_s, MonoTime now);

  void Rotate(MonoTime now);
  void RotateIfDue(MonoTime now);
  std::optional<MonoTime> next_rotation() const;  // unset: only when asked
  // 80 bytes: name, AES-256 key, HMAC-SHA-256 key. Each resets the time of rotation.
  TextResult<void> Load(std::span<const uint8_t> key, MonoTime now);
  // A file of one or more such keys; the last one becomes the active one.
  TextResult<void> LoadFile(const std::string& path, MonoTime now);
  void SetHook(Hook hook);  // and told at once those that are there, oldest first

  TlsTicketKeyPtr Active() const;
  struct Found {
    TlsTicketKeyPtr key;  // null: unknown
    bool active = false;
  };
  Found Find(std::span<const uint8_t> name) const;
  size_t size() const;

 private:
  struct State {
    std::vector<TlsTicketKeyPtr> keys;  // the active one first
    MonoTime rotate_at;
    Hook hook;
  };
  void Add(TlsTicketKey key, MonoTime now);

  const uint32_t most_;
  const uint32_t rotation_s_;
  Guarded<State> state_;
};

}  // namespace breakwater
