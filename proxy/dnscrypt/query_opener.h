// Opens the queries that come to one DNSCrypt listener. Owned by the listener, used on its thread
// alone. Nothing is allocated for a query.
//
// A query is: client magic (8), the client's public key (32), its half of the nonce (12), and the
// box with the DNS message and its padding. The magic says by which certificate it is sealed;
// what has none of them is perhaps a question in the clear (certificate_answer.h).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "proxy/dnscrypt/context.h"
#include "proxy/dnscrypt/seal.h"

namespace breakwater::dnscrypt {

inline constexpr size_t kQueryHeaderSize = kMagicSize + kKeySize + kClientNonceSize;
inline constexpr size_t kLeastUdpQuery = 256;  // or the answer might be larger than the query

enum class Carrier : uint8_t { kDatagram, kStream };

// How one packet came.
struct Arrival {
  Carrier carrier = Carrier::kDatagram;
  int64_t wall_seconds = 0;  // certificates have a time of validity
};

enum class Opened : uint8_t {
  kMessage,  // the message lies within the packet, and the session is set
  kClear,    // it is not sealed by a certificate of ours
  kInvalid,  // it is, but damaged, too short, or not padded
};

class QueryOpener {
 public:
  explicit QueryOpener(std::shared_ptr<const Context> context);
  ~QueryOpener();
  QueryOpener(const QueryOpener&) = delete;
  QueryOpener& operator=(const QueryOpener&) = delete;

  // The packet is opened in place; with kMessage, `message` is a part of it.
  Opened Open(std::span<uint8_t> packet, const Arrival& arrival, std::span<uint8_t>* message,
              Session* session);

  const Context& context() const { return *context_; }
  const CertificateSet& certificates();  // as they are now
  // How many clients' keys are kept just now.
  size_t CountKnown() const;

 private:
  // X25519 costs more than all the rest of a query, and clients keep a key for a while: what it
  // gave is kept for the clients of late. Who asks with ever new keys gains nothing; who sends what
  // is not sealed by its key takes nobody's place.
  struct Known {
    PublicKey client;
    std::array<uint8_t, kKeySize> shared;
    const CertificatePair* pair;  // null: free
  };
  static constexpr size_t kKnownClients = 512;

  const CertificatePair* FindPair(std::span<const uint8_t> packet, int64_t wall_seconds);
  Known& PlaceOf(std::span<const uint8_t> client);
  bool AgreeOnKey(const CertificatePair& pair, std::span<const uint8_t> client,
                  std::span<uint8_t> shared);
  void Remember(const CertificatePair& pair, std::span<const uint8_t> client,
                std::span<const uint8_t> shared);
  void Forget();

  const std::shared_ptr<const Context> context_;
  uint64_t version_ = 0;
  std::shared_ptr<const CertificateSet> set_;
  std::vector<Known> known_;
};

}  // namespace breakwater::dnscrypt
