#include "proxy/dnscrypt/query_opener.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>

#include "tests/proxy/dnscrypt/maker.h"

namespace breakwater::dnscrypt {
namespace {

constexpr int64_t kNow = 1'800'000'000;

using Bytes = std::vector<uint8_t>;

struct Vector {
  const Bytes& certificate;
  const Bytes& query;
  const Bytes& key;
};

class QueryOpenerTest : public testing::TestWithParam<Suite> {
 protected:
  QueryOpenerTest() {
    EXPECT_GE(sodium_init(), 0);
    EXPECT_TRUE(context->Add(test::Known(vector().certificate), Use::kActive));
  }
  static Vector vector() {
    if (GetParam() == Suite::kXSalsa20) {
      return {test::kXSalsa20Certificate, test::kXSalsa20Query, test::kXSalsa20Key};
    }
    return {test::kXChaCha20Certificate, test::kXChaCha20Query, test::kXChaCha20Key};
  }
  Opened Open(Bytes packet, Carrier carrier = Carrier::kDatagram, int64_t now = kNow) {
    packet_ = std::move(packet);
    std::span<uint8_t> found;
    const Opened opened = opener.Open(packet_, {carrier, now}, &found, &session);
    message.assign(found.begin(), found.end());
    return opened;
  }
  // As the vectors' client: content is padded already.
  static Bytes Sealed(const Bytes& content) {
    Bytes packet(vector().query.begin(), vector().query.begin() + kQueryHeaderSize);
    Bytes nonce(packet.end() - kClientNonceSize, packet.end());
    nonce.resize(kNonceSize);
    packet.resize(kQueryHeaderSize + kMacSize + content.size());
    const auto seal = GetParam() == Suite::kXSalsa20
                          ? crypto_box_easy_afternm
                          : crypto_box_curve25519xchacha20poly1305_easy_afternm;
    seal(&packet[kQueryHeaderSize], content.data(), content.size(), nonce.data(),
         vector().key.data());
    return packet;
  }

  std::shared_ptr<Context> context = std::make_shared<Context>(*dns::Name::Parse("2.example"));
  QueryOpener opener{context};
  Session session;
  Bytes message;

 private:
  Bytes packet_;
};

INSTANTIATE_TEST_SUITE_P(BothSuites, QueryOpenerTest,
                         testing::Values(Suite::kXSalsa20, Suite::kXChaCha20));

TEST_P(QueryOpenerTest, OpensWhatAnotherImplementationSealed) {
  ASSERT_EQ(Open(vector().query), Opened::kMessage);
  EXPECT_EQ(message, test::kMessage);
  EXPECT_EQ(session.suite, GetParam());
  EXPECT_TRUE(std::ranges::equal(session.shared_key, vector().key));
  // 324 octets came; as many go back at most: 48 of them are no message, 4 * 64 are left.
  EXPECT_EQ(session.max_answer, 255);
  EXPECT_EQ(SealedSize(session.max_answer), 48u + 256);
  // Once more, with the key that is known now.
  ASSERT_EQ(Open(vector().query), Opened::kMessage);
  EXPECT_EQ(message, test::kMessage);
}

TEST_P(QueryOpenerTest, OverAStreamAnAnswerMayBeAsLargeAsAFrame) {
  ASSERT_EQ(Open(vector().query, Carrier::kStream), Opened::kMessage);
  EXPECT_LE(SealedSize(session.max_answer), 65535u);
  EXPECT_GT(SealedSize(session.max_answer + 1u), 65535u);
}

TEST_P(QueryOpenerTest, AnyOctetThatIsChangedIsNoticed) {
  for (size_t at = 0; at < vector().query.size(); ++at) {
    Bytes packet = vector().query;
    packet[at] ^= 0x10;
    EXPECT_EQ(Open(packet), at < kMagicSize ? Opened::kClear : Opened::kInvalid) << at;
  }
}

TEST_P(QueryOpenerTest, NoLengthIsTakenForMoreThanItIs) {
  for (size_t size = 0; size < vector().query.size(); ++size) {
    const Bytes packet(vector().query.begin(), vector().query.begin() + static_cast<long>(size));
    EXPECT_EQ(Open(packet), size < kMagicSize ? Opened::kClear : Opened::kInvalid) << size;
    EXPECT_NE(Open(packet, Carrier::kStream), Opened::kMessage) << size;
  }
}

TEST_P(QueryOpenerTest, AShortQueryIsOpenedOverStreamsAlone) {
  Bytes content = test::kMessage;
  content.push_back(0x80);
  content.resize(64);
  EXPECT_EQ(Open(Sealed(content)), Opened::kInvalid);
  ASSERT_EQ(Open(Sealed(content), Carrier::kStream), Opened::kMessage);
  EXPECT_EQ(message, test::kMessage);
  // 256 octets in all are enough.
  content.resize(kLeastUdpQuery - kQueryHeaderSize - kMacSize - 1);
  EXPECT_EQ(Open(Sealed(content)), Opened::kInvalid);
  content.resize(content.size() + 1);
  ASSERT_EQ(Open(Sealed(content)), Opened::kMessage);
  EXPECT_EQ(session.max_answer, 191);
}

TEST_P(QueryOpenerTest, WithoutPaddingThereIsNoMessage) {
  EXPECT_EQ(Open(Sealed(Bytes(256, 0))), Opened::kInvalid);
  EXPECT_EQ(Open(Sealed(Bytes(256, 'x'))), Opened::kInvalid);
  Bytes none(256, 0);
  none[0] = 0x80;
  EXPECT_EQ(Open(Sealed(none)), Opened::kInvalid);
  EXPECT_EQ(Open(Sealed({}), Carrier::kStream), Opened::kInvalid);
}

// With such a key everybody would know the secret (RFC 7748, 6.1).
TEST_P(QueryOpenerTest, AKeyThatAgreesWithEverybodyIsRefused) {
  Bytes packet = vector().query;
  std::fill_n(packet.begin() + kMagicSize, kKeySize, uint8_t{0});
  EXPECT_EQ(Open(packet), Opened::kInvalid);
  EXPECT_EQ(Open(packet), Opened::kInvalid);
}

TEST_P(QueryOpenerTest, KeysAreKnownOfThoseWhoSealedAndUntilTheCertificatesChange) {
  Bytes damaged = vector().query;
  damaged.back() ^= 1;
  EXPECT_EQ(Open(damaged), Opened::kInvalid);
  EXPECT_EQ(opener.CountKnown(), 0u);
  EXPECT_EQ(Open(vector().query), Opened::kMessage);
  EXPECT_EQ(Open(vector().query), Opened::kMessage);
  EXPECT_EQ(opener.CountKnown(), 1u);
  damaged[kMagicSize] ^= 1;
  EXPECT_EQ(Open(damaged), Opened::kInvalid);
  EXPECT_EQ(opener.CountKnown(), 1u);
  ASSERT_TRUE(context->Add(test::Make(100), Use::kInactive));
  EXPECT_EQ(Open(damaged), Opened::kInvalid);
  EXPECT_EQ(opener.CountKnown(), 0u);
  EXPECT_EQ(Open(vector().query), Opened::kMessage);
  EXPECT_EQ(message, test::kMessage);
}

TEST_P(QueryOpenerTest, ACertificateCountsWhileItIsValid) {
  EXPECT_EQ(Open(vector().query, Carrier::kDatagram, 1'699'999'999), Opened::kClear);
  EXPECT_EQ(Open(vector().query, Carrier::kDatagram, 1'900'000'000), Opened::kMessage);
  EXPECT_EQ(Open(vector().query, Carrier::kDatagram, 1'900'000'001), Opened::kClear);
}

TEST_P(QueryOpenerTest, AnInactiveCertificateOpensUntilItIsRemoved) {
  const uint32_t serial = (*context->certificates())[0]->certificate.serial();
  ASSERT_TRUE(context->Mark(serial, Use::kInactive));
  EXPECT_EQ(Open(vector().query), Opened::kMessage);
  ASSERT_TRUE(context->RemoveInactive(serial));
  EXPECT_EQ(Open(vector().query), Opened::kClear);
  ASSERT_TRUE(context->Add(test::Known(vector().certificate), Use::kInactive));
  EXPECT_EQ(Open(vector().query), Opened::kMessage);
}

TEST_P(QueryOpenerTest, WhatIsSealedIsOpenedByTheClientAlone) {
  ASSERT_EQ(Open(vector().query), Opened::kMessage);
  const auto public_key = (*context->certificates())[0]->certificate.resolver_key();
  Bytes last_nonce;
  for (const size_t size : {0u, 1u, 12u, 62u, 63u, 64u, 255u, 1000u}) {
    const Bytes answer(size, 'a');
    Bytes packet(SealedSize(size));
    Seal(session, answer, packet);
    EXPECT_EQ((packet.size() - kAnswerOverhead) % 64, 0u);
    EXPECT_EQ(std::string(packet.begin(), packet.begin() + 8), "r6fnvWj8");
    const Bytes nonce(packet.begin() + 8, packet.begin() + 32);
    EXPECT_TRUE(std::ranges::equal(std::span(nonce).first(12), session.client_nonce));
    EXPECT_NE(nonce, last_nonce);
    last_nonce = nonce;
    Bytes content(packet.size() - kAnswerOverhead);
    const auto open = GetParam() == Suite::kXSalsa20
                          ? crypto_box_open_easy
                          : crypto_box_curve25519xchacha20poly1305_open_easy;
    ASSERT_EQ(open(content.data(), &packet[32], packet.size() - 32, nonce.data(), public_key.data(),
                   test::kClientSecret.data()),
              0);
    Bytes padded = answer;
    padded.push_back(0x80);
    padded.resize(content.size());
    EXPECT_EQ(content, padded);
  }
}

TEST_P(QueryOpenerTest, SealsInPlace) {
  ASSERT_EQ(Open(vector().query), Opened::kMessage);
  Bytes room = test::kMessage;
  room.resize(SealedSize(room.size()));
  Seal(session, std::span(room).first(test::kMessage.size()), room);
  Bytes content(room.size() - kAnswerOverhead);
  const auto open = GetParam() == Suite::kXSalsa20
                        ? crypto_box_open_easy_afternm
                        : crypto_box_curve25519xchacha20poly1305_open_easy_afternm;
  ASSERT_EQ(open(content.data(), &room[32], room.size() - 32, &room[8], vector().key.data()), 0);
  EXPECT_TRUE(std::equal(test::kMessage.begin(), test::kMessage.end(), content.begin()));
}

TEST_P(QueryOpenerTest, ASessionIsWiped) {
  ASSERT_EQ(Open(vector().query), Opened::kMessage);
  Wipe(session);
  EXPECT_TRUE(std::ranges::all_of(session.shared_key, [](uint8_t octet) { return octet == 0; }));
}

TEST(DnscryptSizesTest, TheLargestMessageIsTheLargestThatFits) {
  for (size_t sealed = 0; sealed < 2000; ++sealed) {
    const size_t largest = LargestMessage(sealed);
    EXPECT_GT(SealedSize(largest + 1), sealed);
    if (largest > 0) {
      EXPECT_LE(SealedSize(largest), sealed);
    }
  }
}

}  // namespace
}  // namespace breakwater::dnscrypt
