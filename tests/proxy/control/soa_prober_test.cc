#include "proxy/control/soa_prober.h"

#include <gtest/gtest.h>

#include "tests/proxy/backend/exchange_fixture.h"
#include "tests/support/query_maker.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::QueryMaker;

ProbeAnswer Judged(const std::string& message, uint8_t apex_labels = 0) {
  return JudgeProbeReply(QueryMaker::Message(message), *dns::Name::Parse("shop.example.com"),
                         apex_labels);
}

TEST(SoaProberTest, JudgesAsTheCacheDoes) {
  const std::string soa =
      " example.com 300 SOA ns1.example.com. host.example.com. 1 7200 3600 86400 60";
  EXPECT_FALSE(Judged("shop.example.com SOA +qr +aa / authority" + soa).bad);
  EXPECT_EQ(Judged("shop.example.com SOA +qr +rcode=5").bad, BadKind::kRefused);
  EXPECT_EQ(Judged("shop.example.com SOA +qr +rcode=2").bad, BadKind::kServFail);
  // The child zone has vanished: its parent answers.
  EXPECT_EQ(Judged("shop.example.com SOA +qr +aa +rcode=3 / authority" + soa, 3).bad,
            BadKind::kVanished);
  const ProbeAnswer gone = Judged("shop.example.com SOA +qr +aa +rcode=3 / authority" + soa, 2);
  EXPECT_FALSE(gone.bad);
  EXPECT_TRUE(gone.nxdomain);
}

TEST(SoaProberTest, WhatIsNoAnswerIsMalformed) {
  EXPECT_EQ(Judged("shop.example.com SOA").bad, BadKind::kMalformed);
  EXPECT_EQ(JudgeProbeReply({}, dns::Name(), 0).bad, BadKind::kMalformed);
}

class SoaProberServerTest : public test::ExchangeFixture {
 protected:
  // Asks the server about shop.example.com; false where nothing counts.
  void Ask() {
    settings_.address = server_.address();
    const BackendPtr backends[] = {std::make_shared<Backend>(settings_)};
    EXPECT_EQ(prober_.Ask(*dns::Name::Parse("shop.example.com"), backends,
                          [this](const ProbeAnswer& answer) { answer_ = answer; }),
              1u);
    EXPECT_EQ(prober_.open(), 1u);
  }
  test::FakeUdpServer server_;
  BackendSettings settings_;
  ZoneHealth zones_;
  SoaProber prober_{loop_, zones_};
  std::optional<ProbeAnswer> answer_;
};

TEST_F(SoaProberServerTest, AsksForTheSoaAndTakesAnyRcode) {
  settings_.health.must_resolve = true;
  Ask();
  const auto query = server_.Receive();
  EXPECT_EQ(test::Describe(query.message), "NOERROR; shop.example.com SOA");
  Bytes refused = query.message;
  refused[2] |= 0x80;
  refused[3] = 5;
  server_.Send(query.from, refused);
  RunUntil([&] { return answer_.has_value(); });
  EXPECT_EQ(answer_->bad, BadKind::kRefused);
  EXPECT_EQ(prober_.open(), 0u);
}

TEST_F(SoaProberServerTest, ARefusalThatLeavesTheQuestionOutIsOne) {
  Ask();
  const auto query = server_.Receive();
  Bytes refused(query.message.begin(), query.message.begin() + 12);
  refused[2] |= 0x80;
  refused[3] = 5;
  refused[5] = 0;
  server_.Send(query.from, refused);
  RunUntil([&] { return answer_.has_value(); });
  EXPECT_EQ(answer_->bad, BadKind::kRefused);
}

TEST_F(SoaProberServerTest, SilenceIsATimeout) {
  settings_.health.timeout_ms = 1;
  Ask();
  RunUntil([&] { return answer_.has_value(); });
  EXPECT_EQ(answer_->bad, BadKind::kTimeout);
}

}  // namespace
}  // namespace breakwater
