#include "proxy/dnscrypt/query_opener.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "proxy/base/hash.h"

namespace breakwater::dnscrypt {
namespace {

// The longest answer to a query of that size: over UDP it must not be larger, so that nobody is
// flooded through us; over a stream two octets tell its length.
size_t LargestAnswer(size_t packet_size, Carrier carrier) {
  return LargestMessage(carrier == Carrier::kDatagram ? packet_size : 65535);
}

// What is left without the padding: 0x80, then zeros. Empty where there is none.
std::span<uint8_t> WithoutPadding(std::span<uint8_t> content) {
  size_t size = content.size();
  while (size > 0 && content[size - 1] == 0) --size;
  if (size == 0 || content[size - 1] != 0x80) return {};
  return content.first(size - 1);
}

}  // namespace

QueryOpener::QueryOpener(std::shared_ptr<const Context> context)
    : context_(std::move(context)), known_(kKnownClients) {
  Forget();
}

QueryOpener::~QueryOpener() {
  Forget();
}

void QueryOpener::Forget() {
  WipeBytes({reinterpret_cast<uint8_t*>(known_.data()), known_.size() * sizeof(Known)});
}

const CertificateSet& QueryOpener::certificates() {
  if (const uint64_t version = context_->version(); version != version_) {
    version_ = version;
    set_ = context_->certificates();
    Forget();
  }
  return *set_;
}

const CertificatePair* QueryOpener::FindPair(std::span<const uint8_t> packet,
                                             int64_t wall_seconds) {
  const auto& set = certificates();
  if (packet.size() < kMagicSize) return nullptr;
  for (const auto& pair : set) {
    if (std::ranges::equal(pair->certificate.client_magic(), packet.first(kMagicSize)) &&
        pair->certificate.IsValidAt(wall_seconds)) {
      return pair.get();
    }
  }
  return nullptr;
}

QueryOpener::Known& QueryOpener::PlaceOf(std::span<const uint8_t> client) {
  return known_[HashBytes(client, ProcessHashSeed()) % known_.size()];
}

size_t QueryOpener::CountKnown() const {
  return static_cast<size_t>(
      std::ranges::count_if(known_, [](const Known& known) { return known.pair != nullptr; }));
}

// False for the few keys that agree on the same secret with everybody (RFC 7748, 6.1).
bool QueryOpener::AgreeOnKey(const CertificatePair& pair, std::span<const uint8_t> client,
                             std::span<uint8_t> shared) {
  const Known& known = PlaceOf(client);
  if (known.pair == &pair && std::ranges::equal(known.client, client)) {
    std::ranges::copy(known.shared, shared.begin());
    return true;
  }
  const auto agree = pair.certificate.suite() == Suite::kXSalsa20
                         ? crypto_box_beforenm
                         : crypto_box_curve25519xchacha20poly1305_beforenm;
  return agree(shared.data(), client.data(), pair.secret.bytes.data()) == 0;
}

void QueryOpener::Remember(const CertificatePair& pair, std::span<const uint8_t> client,
                           std::span<const uint8_t> shared) {
  Known& known = PlaceOf(client);
  known.pair = &pair;
  std::ranges::copy(client, known.client.begin());
  std::ranges::copy(shared, known.shared.begin());
}

Opened QueryOpener::Open(std::span<uint8_t> packet, const Arrival& arrival,
                         std::span<uint8_t>* message, Session* session) {
  const CertificatePair* pair = FindPair(packet, arrival.wall_seconds);
  if (pair == nullptr) return Opened::kClear;
  const size_t least =
      arrival.carrier == Carrier::kDatagram ? kLeastUdpQuery : kQueryHeaderSize + kMacSize;
  if (packet.size() < least) return Opened::kInvalid;
  const auto client = packet.subspan(kMagicSize, kKeySize);
  if (!AgreeOnKey(*pair, client, session->shared_key)) return Opened::kInvalid;
  session->suite = pair->certificate.suite();
  session->max_answer = static_cast<uint16_t>(LargestAnswer(packet.size(), arrival.carrier));
  std::array<uint8_t, kNonceSize> nonce{};
  std::copy_n(packet.begin() + kMagicSize + kKeySize, kClientNonceSize, nonce.begin());
  std::copy_n(nonce.begin(), kClientNonceSize, session->client_nonce.begin());

  const uint8_t* mac = packet.data() + kQueryHeaderSize;
  const auto content = packet.subspan(kQueryHeaderSize + kMacSize);
  const auto open = session->suite == Suite::kXSalsa20
                        ? crypto_box_open_detached_afternm
                        : crypto_box_curve25519xchacha20poly1305_open_detached_afternm;
  const bool sound = open(content.data(), content.data(), mac, content.size(), nonce.data(),
                          session->shared_key.data()) == 0;
  if (sound) Remember(*pair, client, session->shared_key);
  *message = sound ? WithoutPadding(content) : std::span<uint8_t>();
  if (!message->empty()) return Opened::kMessage;
  Wipe(*session);
  return Opened::kInvalid;
}

}  // namespace breakwater::dnscrypt
