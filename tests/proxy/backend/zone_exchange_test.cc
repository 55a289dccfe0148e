#include "proxy/backend/zone_exchange.h"

#include "proxy/backend/health_probe.h"
#include "proxy/zone/loader.h"
#include "tests/proxy/backend/exchange_fixture.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::QueryMaker;

class ZoneExchangeTest : public test::ExchangeFixture {
 protected:
  ZoneExchangeTest() : exchange_(context_, backend_) { Publish("192.0.2.1"); }

  void Publish(const std::string& address) {
    auto zone = loader_.Parse(*dns::Name::Parse("example.org"),
                              "@ SOA ns h 1 2 3 4 5\nwww 60 A " + address + "\n" + more_, "zone");
    ASSERT_TRUE(zone) << zone.error();
    auto zones = std::make_shared<ZoneSet>();
    zones->Put(*zone);
    store_->Publish(zones);
  }
  void Send(uint32_t slot, const std::string& question, const Query* query = nullptr) {
    const Bytes message = QueryMaker::Message(question);
    ASSERT_TRUE(exchange_.Send(Flight(slot), 0, {message, query}));
  }

  std::string more_;
  ZoneLoader loader_;
  QueryMaker maker_;
  ZoneStorePtr store_ = std::make_shared<ZoneStore>(ZoneSourceSettings{.path = "/zones"});
  BackendPtr backend_ = std::make_shared<Backend>(BackendSettings{}, nullptr, store_);
  ZoneExchange exchange_;
};

TEST_F(ZoneExchangeTest, AnswersInTheNextTurnNotWithinSend) {
  Send(1, "www.example.org A +id=77");
  Send(2, "no.example.org A");
  EXPECT_TRUE(sink_.replies.empty());
  WaitForReplies(2);
  EXPECT_EQ(sink_.replies[0].flight, Flight(1));
  EXPECT_EQ(LoadU16(sink_.replies[0].message.data()), 77);
  EXPECT_EQ(test::Describe(sink_.replies[0].message),
            "qr aa rd NOERROR; www.example.org A; an: www.example.org 60 A 192.0.2.1");
  EXPECT_EQ(test::Describe(sink_.replies[1].message).substr(0, 17), "qr aa rd NXDOMAIN");
  EXPECT_EQ(store_->answers().Get(), 2u);
  EXPECT_EQ(Count(Metric::kZoneAnswers), 2u);
  EXPECT_FALSE(exchange_.IsDatagram());
}

TEST_F(ZoneExchangeTest, WhatIsCancelledIsNotAnswered) {
  Send(1, "www.example.org A");
  Send(2, "www.example.org A");
  Send(3, "www.example.org A");
  exchange_.Cancel(Flight(1), 0);
  // While the others are answered, too.
  sink_.on_reply = [&](FlightId, uint8_t) { exchange_.Cancel(Flight(3), 0); };
  WaitForReplies(1);
  Turn();
  Turn();
  ASSERT_EQ(sink_.replies.size(), 1u);
  EXPECT_EQ(sink_.replies[0].flight, Flight(2));
}

TEST_F(ZoneExchangeTest, WhatTheSinkAsksInAnswerComesInATurnOfItsOwn) {
  size_t depth = 0, deepest = 0;
  sink_.on_reply = [&](FlightId flight, uint8_t) {
    deepest = std::max(deepest, ++depth);
    if (flight.slot < 50) Send(flight.slot + 1, "www.example.org A");
    --depth;
  };
  Send(1, "www.example.org A");
  WaitForReplies(50);
  EXPECT_EQ(deepest, 1u);
}

TEST_F(ZoneExchangeTest, NewZonesAreUsedForTheNextAnswer) {
  Send(1, "www.example.org A");
  Publish("192.0.2.9");
  WaitForReplies(1);
  EXPECT_NE(test::Describe(sink_.replies[0].message).find("192.0.2.9"), std::string::npos);
  // The exchange holds no old zones.
  const std::weak_ptr<const ZoneSet> held = store_->zones();
  Publish("192.0.2.10");
  EXPECT_TRUE(held.expired());
}

TEST_F(ZoneExchangeTest, WithoutZonesTheAttemptFails) {
  store_->Publish(std::make_shared<ZoneSet>());
  Send(1, "www.example.org A");
  WaitForFailures(1);
  EXPECT_EQ(sink_.failures[0].kind, FailureKind::kBackendDown);
  EXPECT_TRUE(sink_.replies.empty());
}

TEST_F(ZoneExchangeTest, WhatIsNoQueryIsNotTaken) {
  const Bytes answer = QueryMaker::Message("www.example.org A +qr");
  EXPECT_EQ(exchange_.Send(Flight(1), 0, {answer}).error(), Error::kUnsupported);
  EXPECT_EQ(exchange_.Send(Flight(1), 0, {std::span(answer).first(5)}).error(), Error::kTruncated);
}

TEST_F(ZoneExchangeTest, WhatMayBeLeftOutIsLeftOutForDatagramsAlone) {
  for (int i = 0; i < 40; ++i)
    more_ += "@ MX 1 mail" + std::to_string(i) + "\nmail" + std::to_string(i) + " A 192.0.2.3\n";
  Publish("192.0.2.1");
  const QueryPtr udp = maker_.Make("example.org MX");
  const QueryPtr large = maker_.Make("example.org MX +bufsize=1232");
  const QueryPtr tcp = maker_.Make("example.org MX +tcp");
  Send(1, "example.org MX", udp.get());
  Send(2, "example.org MX +bufsize=4096", large.get());
  Send(3, "example.org MX", tcp.get());
  Send(4, "example.org MX +bufsize=4096");
  WaitForReplies(4);
  const auto additional = [&](size_t i) {
    return dns::ConstHeader(sink_.replies[i].message.data()).count(dns::Section::kAdditional);
  };
  EXPECT_EQ(additional(0), 0);
  EXPECT_LT(additional(1), 41);
  EXPECT_LE(sink_.replies[1].message.size(), 1232u);
  EXPECT_EQ(additional(2), 40);
  EXPECT_EQ(additional(3), 41);
}

TEST_F(ZoneExchangeTest, IsNamedByItsDirectory) {
  EXPECT_EQ(backend_->AddressText(), "zones:/zones");
  EXPECT_EQ(backend_->NameWithAddress(), "zones:/zones");
}

class ZoneHealthTest : public ZoneExchangeTest {
 protected:
  ZoneHealthTest() {
    HealthProbeOptions options;
    options.backends = [this] { return std::vector<BackendPtr>{backend_}; };
    options.on_change = [this](const BackendPtr&, bool up) { changes_ += up ? "up " : "down "; };
    options.counters = &counters_;
    probe_ = std::make_unique<HealthProbe>(loop_, std::move(options));
  }
  std::string changes_;
  std::unique_ptr<HealthProbe> probe_;
};

TEST_F(ZoneHealthTest, AServerOfZoneFilesIsUpWhereItHoldsZonesAndNothingIsSent) {
  store_->Publish(std::make_shared<ZoneSet>());
  bool done = false;
  probe_->CheckAllAtStart({backend_}, [&] { done = true; });
  RunUntil([&] { return done; });
  EXPECT_FALSE(backend_->IsUp());
  EXPECT_EQ(backend_->health_counters().failures.Get(), 1u);
  Publish("192.0.2.1");
  probe_->CheckAllAtStart({backend_}, [] {});
  EXPECT_TRUE(backend_->IsUp());
  EXPECT_EQ(changes_, "down up ");
}

TEST_F(ZoneHealthTest, ARoundLooksAnew) {
  probe_->RunRound();
  EXPECT_TRUE(backend_->IsUp());
  EXPECT_EQ(changes_, "up ");
}

}  // namespace
}  // namespace breakwater
