#include "proxy/net/tls_tickets.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace breakwater {

TlsTicketKey TlsTicketKey::Random() {
  std::array<uint8_t, kSize> bytes;
  RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return FromBytes(bytes);
}

TlsTicketKey TlsTicketKey::FromBytes(std::span<const uint8_t, kSize> bytes) {
  TlsTicketKey key;
  std::copy_n(bytes.begin(), kNameSize, key.name.begin());
  std::copy_n(bytes.begin() + kNameSize, key.cipher.size(), key.cipher.begin());
  std::copy_n(bytes.begin() + kNameSize + key.cipher.size(), key.mac.size(), key.mac.begin());
  return key;
}

std::array<uint8_t, TlsTicketKey::kSize> TlsTicketKey::Bytes() const {
  std::array<uint8_t, kSize> bytes;
  std::copy(name.begin(), name.end(), bytes.begin());
  std::copy(cipher.begin(), cipher.end(), bytes.begin() + kNameSize);
  std::copy(mac.begin(), mac.end(), bytes.begin() + kNameSize + cipher.size());
  return bytes;
}

TlsTicketKey::~TlsTicketKey() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

TlsTicketKeys::TlsTicketKeys(uint32_t most, uint32_t rotation_s, MonoTime now)
    : most_(std::max<uint32_t>(1, most)), rotation_s_(rotation_s) {
  Rotate(now);
}

void TlsTicketKeys::Rotate(MonoTime now) {
  Add(TlsTicketKey::Random(), now);
}

void TlsTicketKeys::RotateIfDue(MonoTime now) {
  if (rotation_s_ == 0) return;
  const bool due = state_.With([&](const State& state) { return now >= state.rotate_at; });
  if (due) Rotate(now);
}

void TlsTicketKeys::Add(TlsTicketKey key, MonoTime now) {
  const auto bytes = key.Bytes();
  const Hook hook = state_.With([&](State& state) {
    state.keys.insert(state.keys.begin(), std::make_shared<const TlsTicketKey>(std::move(key)));
    if (state.keys.size() > most_) state.keys.resize(most_);
    state.rotate_at = now + MonoTime::FromSeconds(rotation_s_);
    return state.hook;
  });
  if (hook) hook(bytes);
}

TextResult<void> TlsTicketKeys::Load(std::span<const uint8_t> key, MonoTime now) {
  if (key.size() != TlsTicketKey::kSize) {
    return Fail(fmt::format("a ticket key has {} bytes, not {}", TlsTicketKey::kSize, key.size()));
  }
  Add(TlsTicketKey::FromBytes(key.first<TlsTicketKey::kSize>()), now);
  return {};
}

TextResult<void> TlsTicketKeys::LoadFile(const std::string& path, MonoTime now) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
  if (content.empty() || content.size() % TlsTicketKey::kSize != 0) {
    return Fail(fmt::format("{} has {} bytes; ticket keys are {} bytes each", path, content.size(),
                            TlsTicketKey::kSize));
  }
  const std::span all(reinterpret_cast<const uint8_t*>(content.data()), content.size());
  for (size_t at = 0; at < all.size(); at += TlsTicketKey::kSize) {
    Add(TlsTicketKey::FromBytes(all.subspan(at).first<TlsTicketKey::kSize>()), now);
  }
  return {};
}

void TlsTicketKeys::SetHook(Hook hook) {
  const auto keys = state_.With([&](State& state) {
    state.hook = hook;
    return state.keys;
  });
  if (!hook) return;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) hook((*key)->Bytes());
}

TlsTicketKeyPtr TlsTicketKeys::Active() const {
  return state_.With([](const State& state) { return state.keys.front(); });
}

TlsTicketKeys::Found TlsTicketKeys::Find(std::span<const uint8_t> name) const {
  return state_.With([&](const State& state) -> Found {
    const auto found =
        std::find_if(state.keys.begin(), state.keys.end(), [&](const TlsTicketKeyPtr& key) {
          return std::equal(name.begin(), name.end(), key->name.begin(), key->name.end());
        });
    if (found == state.keys.end()) return {};
    return {*found, found == state.keys.begin()};
  });
}

std::optional<MonoTime> TlsTicketKeys::next_rotation() const {
  if (rotation_s_ == 0) return std::nullopt;
  return state_.With([](const State& state) { return state.rotate_at; });
}

size_t TlsTicketKeys::size() const {
  return state_.With([](const State& state) { return state.keys.size(); });
}

}  // namespace breakwater
