// Input: how it comes, then a packet, as it came to a DNSCrypt listener; the same sealed by a
// client that we know; and a certificate. What is opened lies within the packet and is answered by
// nothing larger; what is sealed and opened is the same; what is no certificate is an error.
#include <sodium.h>

#include "proxy/dns/header.h"
#include "proxy/dnscrypt/certificate_answer.h"
#include "tests/fuzz/check.h"
#include "tests/proxy/dnscrypt/maker.h"

using namespace breakwater;
using namespace breakwater::dnscrypt;
using fuzz::Require;

namespace {

constexpr int64_t kNow = 1'800'000'000;

struct World {
  std::shared_ptr<Context> context = std::make_shared<Context>(*dns::Name::Parse("2.example"));
  QueryOpener opener{context};
  World() {
    Require(context->Add(test::Known(test::kXSalsa20Certificate), Use::kActive).has_value(), "one");
    CertificateAndKey other = test::Make(10, Suite::kXChaCha20);
    Require(context->Add(other, Use::kActive).has_value(), "two");
  }
};

void CheckOpening(World& world, std::vector<uint8_t> packet, const Arrival& arrival) {
  Session session;
  std::span<uint8_t> message;
  const std::vector<uint8_t> before = packet;
  switch (world.opener.Open(packet, arrival, &message, &session)) {
    case Opened::kMessage: {
      Require(message.data() >= packet.data() &&
                  message.data() + message.size() <= packet.data() + packet.size(),
              "within the packet");
      const bool datagram = arrival.carrier == Carrier::kDatagram;
      Require(SealedSize(session.max_answer) <= (datagram ? packet.size() : 65535), "bounded");
      std::vector<uint8_t> answer(SealedSize(session.max_answer));
      Seal(session, std::vector<uint8_t>(session.max_answer, 'a'), answer);
      return;
    }
    case Opened::kInvalid:
      return;
    case Opened::kClear: {
      Require(packet == before, "what is not for us is left alone");
      const size_t size = packet.size();
      packet.resize(size + 600);
      dns::EditBuffer buffer{packet.data(), size, packet.size()};
      if (!AnswerWithCertificates(buffer, world.context->provider(), *world.context->certificates(),
                                  arrival)) {
        packet.resize(size);
        Require(packet == before, "no answer changes nothing");
        return;
      }
      Require(buffer.size <= packet.size(), "within the room");
      Require(dns::Header(packet.data()).Has(dns::kFlagQr), "an answer");
    }
  }
}

// As the client of the vectors would.
std::vector<uint8_t> Seal(std::span<const uint8_t> content) {
  std::vector<uint8_t> packet(test::kXSalsa20Query.begin(),
                              test::kXSalsa20Query.begin() + kQueryHeaderSize);
  std::vector<uint8_t> nonce(packet.end() - kClientNonceSize, packet.end());
  nonce.resize(kNonceSize);
  packet.resize(kQueryHeaderSize + kMacSize + content.size());
  crypto_box_easy_afternm(&packet[kQueryHeaderSize], content.data(), content.size(), nonce.data(),
                          test::kXSalsa20Key.data());
  return packet;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World world;
  fuzz::Input input(data, size);
  const Arrival arrival{input.Byte() % 2 == 0 ? Carrier::kDatagram : Carrier::kStream, kNow};
  const std::vector<uint8_t> bytes = input.Rest();
  CheckOpening(world, bytes, arrival);
  CheckOpening(world, Seal(bytes), arrival);
  if (const auto certificate = Certificate::Parse(bytes)) {
    Require(std::ranges::equal(certificate->bytes(), bytes), "the same octets");
  } else {
    Require(!certificate.error().empty(), "an error says what is wrong");
  }
  return 0;
}
