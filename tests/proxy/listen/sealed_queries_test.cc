// DNSCrypt through real sockets: what the sink is given, and what the client can open.
#include "proxy/listen/sealed_queries.h"

#include <sodium.h>

#include "proxy/listen/udp_listener.h"
#include "tests/proxy/dnscrypt/maker.h"
#include "tests/proxy/listen/allocations.h"
#include "tests/proxy/listen/stream_fixture.h"

namespace breakwater {
namespace {

using test::ScriptedSink;

std::string Text(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}
const uint8_t* Octets(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

class SealedQueriesTest : public test::StreamTest {
 protected:
  SealedQueriesTest() {
    EXPECT_TRUE(dnscrypt_context->Add(made, dnscrypt::Use::kActive));
    crypto_box_keypair(client_public, client_secret);
  }
  void ListenUdp() {
    frontend = MakeFrontend("127.0.0.1", Protocol::kDnscryptUdp);
    frontend->dnscrypt = dnscrypt_context;
    auto opened = UdpListener::Open(context, frontend, {});
    ASSERT_TRUE(opened) << opened.error();
    udp = std::move(*opened);
    client = Connect(udp->address(), SOCK_DGRAM);
  }
  void ListenTcp() {
    frontend = MakeFrontend("127.0.0.1", Protocol::kDnscryptTcp);
    frontend->dnscrypt = dnscrypt_context;
    frontend->settings.max_in_flight = 10;
    Listen();
    client = Accepted();
  }
  std::string Receive() {
    if (!RunUntil([&] { return Readable(client.get()); })) return "nothing came";
    std::string out(70000, '\0');
    const ssize_t got = recv(client.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
  }
  bool Silent() {
    Settle();
    return !Readable(client.get());
  }
  // The nonce is the ID, so that answers tell what they are for.
  std::string Seal(const std::string& message, size_t padded = 256) {
    std::string content = message + '\x80';
    content.resize(padded);
    std::string nonce = message.substr(0, 2);
    nonce.resize(24);
    std::string box(content.size() + 16, '\0');
    EXPECT_EQ(
        crypto_box_easy(reinterpret_cast<uint8_t*>(box.data()), Octets(content), content.size(),
                        Octets(nonce), made.certificate.resolver_key().data(), client_secret),
        0);
    return Text(made.certificate.client_magic()) +
           std::string(reinterpret_cast<char*>(client_public), 32) + nonce.substr(0, 12) + box;
  }
  std::string Open(const std::string& packet) {
    if (packet.size() < 48 || packet.substr(0, 8) != "r6fnvWj8") return "not sealed: " + packet;
    std::string content(packet.size() - 48, '\0');
    if (crypto_box_open_easy(reinterpret_cast<uint8_t*>(content.data()), Octets(packet) + 32,
                             packet.size() - 32, Octets(packet) + 8,
                             made.certificate.resolver_key().data(), client_secret) != 0) {
      return "cannot be opened";
    }
    content.resize(content.find_last_not_of('\0') + 1);
    if (content.empty() || content.back() != '\x80') return "not padded";
    content.pop_back();
    return content;
  }
  static std::string AskForCertificates() {
    std::string out = Query(7, dns::kHeaderSize);
    const auto name = *dns::Name::Parse("2.example");
    return out + Text(name.wire()) + std::string("\0\20\0\1", 4);
  }
  uint64_t Invalid() const { return counters.Get(Metric::kDnscryptInvalid); }

  dnscrypt::CertificateAndKey made = dnscrypt::test::Make(1);
  std::shared_ptr<dnscrypt::Context> dnscrypt_context =
      std::make_shared<dnscrypt::Context>(*dns::Name::Parse("2.example"));
  uint8_t client_public[32];
  uint8_t client_secret[32];
  std::unique_ptr<UdpListener> udp;
  UniqueFd client;
};

TEST_F(SealedQueriesTest, ADatagramIsOpenedAndItsAnswerSealed) {
  ListenUdp();
  SendAll(client, Seal(Query(7)));
  const std::string answer = Receive();
  EXPECT_EQ(Open(answer), AnswerTo(Query(7)));
  EXPECT_EQ(answer.size(), 48u + 64);
  EXPECT_EQ(sink.seen[0], Query(7));
  EXPECT_EQ(frontend->queries.Get(), 1u);
  EXPECT_EQ(frontend->responses.Get(), 1u);
  EXPECT_EQ(Invalid(), 0u);
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(SealedQueriesTest, AnAnswerThatWaitedIsSealedToo) {
  ListenUdp();
  sink.mode = ScriptedSink::Mode::kHold;
  SendAll(client, Seal(Query(7)));
  SendAll(client, Seal(Query(8)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 2; }));
  sink.AnswerHeld(1);
  EXPECT_EQ(Open(Receive()), AnswerTo(Query(8)));
  sink.AnswerHeld(0);
  EXPECT_EQ(Open(Receive()), AnswerTo(Query(7)));
}

// A copy of the query (one that joined another, a delayed one) has the client's key, too.
TEST_F(SealedQueriesTest, ASplitClientGetsASealedAnswer) {
  ListenUdp();
  sink.mode = ScriptedSink::Mode::kHold;
  SendAll(client, Seal(Query(7)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  QueryPtr split = SplitClient(*sink.held[0], queries);
  sink.Answer(std::move(split));
  EXPECT_EQ(Open(Receive()), AnswerTo(Query(7)));
  EXPECT_FALSE(CopyWithoutClient(*sink.held[0], queries)->sealed);
  sink.held.clear();
}

TEST_F(SealedQueriesTest, NoDatagramIsAnsweredByALargerOne) {
  ListenUdp();
  for (const size_t size : {200u, 255u, 256u, 1000u}) {
    sink.answer_size = size;
    const std::string query = Seal(Query(7));
    SendAll(client, query);
    const std::string answer = Receive();
    EXPECT_LE(answer.size(), query.size());
    const std::string opened = Open(answer);
    if (size <= 255) {
      EXPECT_EQ(opened, std::string(size, 'a'));
    } else {
      ASSERT_EQ(opened.size(), dns::kHeaderSize);
      EXPECT_TRUE(dns::ConstHeader(Octets(opened)).Has(dns::kFlagTc));
    }
  }
}

TEST_F(SealedQueriesTest, TheCertificatesAreToldInTheClear) {
  ListenUdp();
  SendAll(client, AskForCertificates());
  const std::string answer = Receive();
  EXPECT_EQ(answer.substr(answer.size() - 124), Text(made.certificate.bytes()));
  EXPECT_TRUE(sink.seen.empty());
  EXPECT_EQ(counters.Get(Metric::kQueries), 1u);
  EXPECT_EQ(Invalid(), 0u);
}

TEST_F(SealedQueriesTest, WhatIsNeitherIsDroppedAndCounted) {
  ListenUdp();
  std::string damaged = Seal(Query(7));
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  std::string other_magic = Seal(Query(7));
  other_magic[0] = static_cast<char>(other_magic[0] ^ 1);
  const std::string header_alone = Seal(Query(7)).substr(0, 52);
  // A reply, a message without a header, a plain query.
  for (const std::string& bad : {damaged, other_magic, header_alone, Seal(AnswerTo(Query(7))),
                                 Seal("short"), Query(7), Seal(Query(7), 64)}) {
    SendAll(client, bad);
  }
  ASSERT_TRUE(RunUntil([&] { return Invalid() == 7; }));
  EXPECT_TRUE(Silent());
  EXPECT_TRUE(sink.seen.empty());
  EXPECT_EQ(counters.Get(Metric::kNoncompliantQueries), 7u);
  EXPECT_EQ(counters.Get(Metric::kQueries), 7u);
  EXPECT_EQ(frontend->noncompliant_queries.Get(), 7u);
  EXPECT_EQ(frontend->queries.Get(), 7u);
  EXPECT_EQ(queries.outstanding(), 0u);
}

TEST_F(SealedQueriesTest, OverAStreamTheSameAndLargeAnswersToo) {
  ListenTcp();
  SendAll(client, Framed(Seal(Query(7), 64)) + Framed(AskForCertificates()));
  EXPECT_EQ(Open(ReadMessage(client)), AnswerTo(Query(7)));
  const std::string certificates = ReadMessage(client);
  EXPECT_EQ(certificates.substr(certificates.size() - 124), Text(made.certificate.bytes()));
  for (const size_t size : {1000u, 65471u}) {
    sink.answer_size = size;
    SendAll(client, Framed(Seal(Query(7), 64)));
    EXPECT_EQ(Open(ReadMessage(client)), std::string(size, 'a'));
  }
  sink.answer_size = 65472;
  SendAll(client, Framed(Seal(Query(7), 64)));
  EXPECT_EQ(Open(ReadMessage(client)).size(), dns::kHeaderSize);
}

TEST_F(SealedQueriesTest, AStreamThatSendsAnythingElseIsEnded) {
  ListenTcp();
  SendAll(client, Framed(Seal(Query(7))) + Framed(Query(8)));
  EXPECT_EQ(Open(ReadMessage(client)), AnswerTo(Query(7)));
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(Invalid(), 1u);
  EXPECT_EQ(sink.seen.size(), 1u);
}

TEST_F(SealedQueriesTest, PartsOfATransferAreSealedOneByOne) {
  ListenTcp();
  sink.mode = ScriptedSink::Mode::kHold;
  SendAll(client, Framed(Seal(Query(7))));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 1; }));
  breakwater::Query& held = *sink.held[0];
  EXPECT_EQ(held.target->SendPart(held, {}), ReplyTarget::Room::kFree);
  EXPECT_EQ(held.target->SendPart(held, {}), ReplyTarget::Room::kFree);
  const std::string first = ReadMessage(client);
  const std::string second = ReadMessage(client);
  EXPECT_EQ(Open(first), Query(7));
  EXPECT_EQ(Open(second), Query(7));
  EXPECT_NE(first, second);
  held.ReplaceMessage(queries.packets(), std::vector<uint8_t>(65472, 'a'));
  EXPECT_EQ(held.target->SendPart(held, {}), ReplyTarget::Room::kGone);
  EXPECT_TRUE(AtEnd(client));
}

TEST_F(SealedQueriesTest, NothingIsAllocatedForAQueryOnceWarm) {
  for (const Protocol protocol : {Protocol::kDnscryptUdp, Protocol::kDnscryptTcp}) {
    frontend = MakeFrontend("127.0.0.1", protocol);
    frontend->dnscrypt = dnscrypt_context;
    SealedQueries sealed(context, *frontend);
    const std::string packet = Seal(Query(7));
    std::vector<uint8_t> room(kSlotSize);
    const auto answer_one = [&] {
      std::copy(packet.begin(), packet.end(), room.begin());
      QueryPtr query = queries.Get();
      query->protocol = protocol;
      query->data = room.data();
      query->size = packet.size();
      query->capacity = room.size();
      if (sealed.Open(*query) != SealedQueries::Outcome::kQuery) return false;
      if (protocol == Protocol::kDnscryptTcp) return sealed.Seal(*query).size == 48u + 64;
      sealed.SealInPlace(*query);
      return query->size == 48u + 64 && !query->detached();
    };
    ASSERT_TRUE(answer_one());
    const size_t before = test::Allocations();
    bool good = true;
    for (int i = 0; i < 100; ++i) good = good && answer_one();
    EXPECT_EQ(test::Allocations(), before);
    EXPECT_TRUE(good);
  }
}

TEST_F(SealedQueriesTest, AKeyThatWasRemovedIsGoneThoughNobodyAsks) {
  const auto kept = [&] { return std::weak_ptr(dnscrypt_context->certificates()->front()); };
  ListenUdp();
  SendAll(client, Seal(Query(7)));
  EXPECT_EQ(Open(Receive()), AnswerTo(Query(7)));
  std::weak_ptr<const dnscrypt::CertificatePair> removed = kept();
  ASSERT_TRUE(dnscrypt_context->Mark(1, dnscrypt::Use::kInactive));
  ASSERT_TRUE(dnscrypt_context->RemoveInactive(1));
  udp->DropRemovedKeys();
  EXPECT_TRUE(removed.expired());

  made = dnscrypt::test::Make(2);
  ASSERT_TRUE(dnscrypt_context->Add(made, dnscrypt::Use::kActive));
  ListenTcp();
  const std::string sealed = Seal(Query(8));
  SendAll(client, Framed(sealed));
  EXPECT_EQ(Open(ReadMessage(client)), AnswerTo(Query(8)));
  removed = kept();
  ASSERT_TRUE(dnscrypt_context->Mark(2, dnscrypt::Use::kInactive));
  ASSERT_TRUE(dnscrypt_context->RemoveInactive(2));
  listener->DropRemovedKeys();
  EXPECT_TRUE(removed.expired());
}

TEST_F(SealedQueriesTest, ACertificateIsChangedWhileQueriesCome) {
  ListenUdp();
  SendAll(client, Seal(Query(7)));
  EXPECT_EQ(Open(Receive()), AnswerTo(Query(7)));
  auto old = made;
  ASSERT_TRUE(dnscrypt_context->Mark(1, dnscrypt::Use::kInactive));
  made = dnscrypt::test::Make(2);
  ASSERT_TRUE(dnscrypt_context->Add(made, dnscrypt::Use::kActive));
  SendAll(client, Seal(Query(8)));
  EXPECT_EQ(Open(Receive()), AnswerTo(Query(8)));
  std::swap(made, old);
  SendAll(client, Seal(Query(9)));
  EXPECT_EQ(Open(Receive()), AnswerTo(Query(9)));
  ASSERT_TRUE(dnscrypt_context->RemoveInactive(1));
  SendAll(client, Seal(Query(10)));
  ASSERT_TRUE(RunUntil([&] { return Invalid() == 1; }));
  EXPECT_TRUE(Silent());
}

}  // namespace
}  // namespace breakwater
