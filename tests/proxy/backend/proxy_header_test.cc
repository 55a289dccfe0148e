// PROXY headers towards nameservers: whom they name, and where they stand.
#include "proxy/backend/proxy_header.h"

#include "proxy/net/proxy_protocol.h"
#include "proxy/query/proxy_values.h"
#include "tests/proxy/backend/health_probe_fixture.h"
#include "tests/proxy/backend/stream_exchange_fixture.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::FakeTcpConnection;
using test::FakeUdpServer;
using test::QueryMaker;
using test::ReplyTo;

constexpr const char* kQuery = "www.example.com A from=192.0.2.1:5353 to=198.51.100.2:53";

BackendSettings Proxied() {
  BackendSettings settings;
  settings.use_proxy_protocol = true;
  return settings;
}
ProxyParsed Parse(const Bytes& bytes) {
  return ParseProxyHeader(bytes, 65535 + 16);
}
ProxyHeader HeaderOf(const BackendSettings& settings, const Query* query) {
  const std::string built = ProxyHeaderFor(settings, query).value();
  ProxyParsed parsed = Parse(Bytes(built.begin(), built.end()));
  EXPECT_EQ(parsed.status, ProxyParse::kWhole);
  return std::move(parsed.header);
}

TEST(ProxyHeaderTest, NamesTheClientAndHowItCame) {
  QueryMaker maker;
  EXPECT_EQ(ProxyHeaderFor({}, maker.Make(kQuery).get()), "");
  const ProxyHeader header = HeaderOf(Proxied(), maker.Make(kQuery).get());
  EXPECT_FALSE(header.local);
  EXPECT_FALSE(header.stream);
  EXPECT_EQ(header.source.ToStringWithPort(), "192.0.2.1:5353");
  EXPECT_EQ(header.destination.ToStringWithPort(), "198.51.100.2:53");
  EXPECT_TRUE(HeaderOf(Proxied(), maker.Make(std::string(kQuery) + " +tcp").get()).stream);
  EXPECT_TRUE(HeaderOf(Proxied(), nullptr).local);
}

TEST(ProxyHeaderTest, CarriesTheConnectionsValuesOrThoseOfRules) {
  QueryMaker maker;
  const QueryPtr query = maker.Make(kQuery);
  auto info = std::make_shared<ConnectionInfo>();
  info->proxy_values = {{0xE0, "foo"}};
  query->connection = info;
  EXPECT_EQ(HeaderOf(Proxied(), query.get()).values, (ProxyValues{{0xE0, "foo"}}));
  AddProxyValue(*query, 0xE1, "bar");
  EXPECT_EQ(HeaderOf(Proxied(), query.get()).values, (ProxyValues{{0xE0, "foo"}, {0xE1, "bar"}}));
  EXPECT_EQ(info->proxy_values.size(), 1u);  // the connection's other queries have none of it
  SetProxyValues(*query, {});
  EXPECT_TRUE(HeaderOf(Proxied(), query.get()).values.empty());
  SetProxyValues(*query, {{1, std::string(65535, 'x')}});
  EXPECT_EQ(ProxyHeaderFor(Proxied(), query.get()).error(), Error::kNoSpace);
}

TEST(ProxyHeaderTest, TellsOfEncryptionWhereAsked) {
  QueryMaker maker;
  BackendSettings settings = Proxied();
  const QueryPtr encrypted = maker.Make(std::string(kQuery) + " +dot");
  const QueryPtr plain = maker.Make(std::string(kQuery) + " +tcp");
  EXPECT_TRUE(HeaderOf(settings, encrypted.get()).values.empty());
  settings.proxy_advertise_tls = true;
  EXPECT_EQ(HeaderOf(settings, encrypted.get()).values, (ProxyValues{{0x20, ""}}));
  EXPECT_TRUE(HeaderOf(settings, plain.get()).values.empty());
}

class ProxiedUdpTest : public test::ExchangeFixture {};

TEST_F(ProxiedUdpTest, EachDatagramBeginsWithTheHeader) {
  FakeUdpServer server;
  BackendSettings settings = Proxied();
  settings.address = server.address();
  UdpExchange exchange(context_, std::make_shared<Backend>(settings), {});
  QueryMaker maker;
  for (uint32_t slot = 1; slot <= 2; ++slot) {
    const QueryPtr query = maker.Make(kQuery);
    const Query& asked = *query;
    ASSERT_TRUE(exchange.Send(Flight(slot), 0, {asked.message(), query.get()}));
  }
  Turn();
  for (size_t i = 1; i <= 2; ++i) {
    auto got = server.Receive();
    const ProxyParsed parsed = Parse(got.message);
    ASSERT_EQ(parsed.status, ProxyParse::kWhole);
    EXPECT_EQ(parsed.header.source.ToStringWithPort(), "192.0.2.1:5353");
    got.message.erase(got.message.begin(), got.message.begin() + static_cast<long>(parsed.size));
    EXPECT_EQ(test::Describe(got.message), "rd NOERROR; www.example.com A");
    server.Send(got.from, ReplyTo(got.message));  // with the ID that was drawn
    WaitForReplies(i);
  }
}

class ProxiedStreamTest : public test::StreamExchangeTest {
 protected:
  ProxiedStreamTest() { settings_.use_proxy_protocol = true; }
  Result<void> SendOf(uint32_t slot, const std::string& client) {
    const QueryPtr query = maker_.Make("www.example.com A +tcp to=198.51.100.2:53 from=" + client);
    const Query& asked = *query;
    const auto sent = exchange_->Send(Flight(slot), 0, {asked.message(), query.get()});
    Settle();
    return sent;
  }
  // Takes the header off a connection.
  static std::string ClientOf(FakeTcpConnection& connection) {
    return Parse(connection.Read(28)).header.source.ToStringWithPort();
  }
  QueryMaker maker_;
};

TEST_F(ProxiedStreamTest, AConnectionServesOneClient) {
  Make();
  ASSERT_TRUE(SendOf(1, "192.0.2.1:1"));
  FakeTcpConnection one = server_.Accept();
  Settle();
  EXPECT_EQ(ClientOf(one), "192.0.2.1:1");
  Answer(one, one.Receive());
  ASSERT_TRUE(SendOf(2, "192.0.2.1:1"));
  EXPECT_FALSE(server_.Waiting());
  Answer(one, one.Receive());  // without a second header
  ASSERT_TRUE(SendOf(3, "192.0.2.2:1"));
  FakeTcpConnection other = server_.Accept();
  Settle();
  EXPECT_EQ(ClientOf(other), "192.0.2.2:1");
  Answer(other, other.Receive());
}

TEST_F(ProxiedStreamTest, SentAgainItIsStillOfItsClient) {
  Make();
  ASSERT_TRUE(SendOf(1, "192.0.2.1:1"));
  FakeTcpConnection kept = server_.Accept();
  Settle();
  ClientOf(kept);
  Answer(kept, kept.Receive());
  ASSERT_TRUE(SendOf(2, "192.0.2.1:1"));
  kept.Receive();
  kept.Close();
  RunUntil([&] { return server_.Waiting(); });
  FakeTcpConnection fresh = server_.Accept();
  Settle();
  EXPECT_EQ(ClientOf(fresh), "192.0.2.1:1");
  Answer(fresh, fresh.Receive());
}

TEST_F(ProxiedStreamTest, AtTheLimitAConnectionThatIdlesForAnotherMakesRoom) {
  settings_.max_concurrent_tcp_connections = 1;
  Make();
  ASSERT_TRUE(SendOf(1, "192.0.2.1:1"));
  FakeTcpConnection one = server_.Accept();
  Settle();
  ClientOf(one);
  const Bytes query = one.Receive();
  EXPECT_FALSE(SendOf(2, "192.0.2.2:1"));  // it is in use
  Answer(one, query);
  ASSERT_TRUE(SendOf(3, "192.0.2.2:1"));
  FakeTcpConnection other = server_.Accept();
  Settle();
  EXPECT_EQ(ClientOf(other), "192.0.2.2:1");
  EXPECT_TRUE(one.AtEnd());
}

class ProxiedHealthTest : public test::HealthProbeTest {
 protected:
  ProxiedHealthTest() { settings_.use_proxy_protocol = true; }
};

TEST_F(ProxiedHealthTest, ChecksOverUdpSayThatTheyAreOurOwn) {
  CheckOnce([](Bytes query) {
    EXPECT_TRUE(Parse(query).header.local);
    query.erase(query.begin(), query.begin() + 16);
    return ReplyTo(query);
  });
  EXPECT_TRUE(backends_[0]->IsUp());
}

TEST_F(ProxiedHealthTest, ChecksOverTcpToo) {
  test::FakeTcpServer server;
  settings_.address = server.address();
  settings_.health.over_tcp = true;
  Add();
  CheckAtStart();
  RunUntil([&] { return server.Waiting(); });
  FakeTcpConnection connection = server.Accept();
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_TRUE(Parse(connection.Read(16)).header.local);
  connection.Send(ReplyTo(connection.Receive()));
  RunUntil([&] { return started_; });
  EXPECT_TRUE(backends_[0]->IsUp());
}

}  // namespace
}  // namespace breakwater
