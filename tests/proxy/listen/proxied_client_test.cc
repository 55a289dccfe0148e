// Listeners behind a proxy that sends PROXY headers.
#include "proxy/listen/proxied_client.h"

#include "proxy/listen/udp_listener.h"
#include "tests/proxy/listen/stream_fixture.h"

namespace breakwater {
namespace {

using test::ScriptedSink;

const ProxyHeader kHeader{.stream = true,
                          .source = *Address::Parse("192.0.2.1:53281"),
                          .destination = *Address::Parse("198.51.100.2:53"),
                          .values = {{0xE0, "foo"}}};

class ProxiedTest : public test::StreamTest {
 protected:
  ProxiedTest() {
    EXPECT_TRUE(proxies.Add("127.0.0.1"));
    settings.proxy_acl = &proxies;
    sink.mode = ScriptedSink::Mode::kHold;
  }
  ~ProxiedTest() override { sink.held.clear(); }

  void ListenUdp(std::string_view address = "127.0.0.1") {
    frontend = MakeFrontend(address, Protocol::kDoUdp);
    auto opened = UdpListener::Open(context, frontend, {});
    ASSERT_TRUE(opened) << opened.error();
    udp = std::move(*opened);
    Address to = *Address::Parse("127.0.0.1");
    to.set_port(udp->address().port());
    client = Connect(to, SOCK_DGRAM);
  }
  bool AwaitQuery() {
    return RunUntil([&] { return !sink.held.empty(); });
  }
  uint64_t Count(Metric metric) { return counters.Get(metric); }

  NetmaskGroup proxies;
  std::unique_ptr<UdpListener> udp;
  UniqueFd client;
};

TEST_F(ProxiedTest, DatagramIsOfTheClientNamedAndItsAnswerGoesToTheProxy) {
  for (const char* address : {"127.0.0.1", "0.0.0.0"}) {
    ListenUdp(address);
    const std::string header = BuildProxyHeader(kHeader);
    SendAll(client, header + Query(7));
    ASSERT_TRUE(AwaitQuery());
    EXPECT_EQ(sink.seen.back(), Query(7));
    EXPECT_EQ(sink.clients.back(), kHeader.source);
    EXPECT_EQ(sink.locals.back(), kHeader.destination);
    EXPECT_EQ(sink.capacities.back(), kSlotSize - header.size());
    EXPECT_EQ(sink.held[0]->connection->proxy_values, kHeader.values);
    sink.AnswerHeld(0);
    ASSERT_TRUE(RunUntil([&] { return Readable(client.get()); }));
    char answer[64];
    const ssize_t got = recv(client.get(), answer, sizeof(answer), 0);
    EXPECT_EQ(std::string(answer, static_cast<size_t>(got)), AnswerTo(Query(7)));
  }
}

TEST_F(ProxiedTest, DatagramOfALocalHeaderIsTheProxysOwn) {
  ListenUdp();
  SendAll(client, BuildProxyHeader({.local = true}) + Query(7));
  ASSERT_TRUE(AwaitQuery());
  EXPECT_EQ(sink.seen[0], Query(7));
  EXPECT_EQ(sink.clients[0], LocalAddressOf(client.get()));
}

TEST_F(ProxiedTest, DatagramsWithoutAGoodHeaderAreDroppedAndCounted) {
  ListenUdp();
  const std::string header = BuildProxyHeader(kHeader);
  SendAll(client, Query(7));
  SendAll(client, header.substr(0, header.size() - 1));
  settings.max_proxy_header = static_cast<uint32_t>(header.size() - 1);
  SendAll(client, header + Query(7));
  ASSERT_TRUE(RunUntil([&] { return Count(Metric::kProxyProtocolInvalid) == 3; }));
  settings.max_proxy_header = static_cast<uint32_t>(header.size());
  SendAll(client, header + "short");
  ASSERT_TRUE(RunUntil([&] { return Count(Metric::kNoncompliantQueries) == 1; }));
  EXPECT_TRUE(sink.seen.empty());
  EXPECT_EQ(frontend->queries.Get(), 0u);
}

TEST_F(ProxiedTest, DatagramWithAHeaderOfWhoIsNotListedIsDroppedAndCounted) {
  ListenUdp();
  proxies.Clear();
  EXPECT_TRUE(proxies.Add("192.0.2.9"));
  SendAll(client, BuildProxyHeader(kHeader) + Query(7));
  // The signature but for its end: a message like any other, whoever decides about it.
  SendAll(client, BuildProxyHeader(kHeader).substr(0, 11) + "x");
  ASSERT_TRUE(AwaitQuery());
  EXPECT_EQ(sink.seen.size(), 1u);
  EXPECT_EQ(sink.clients[0], LocalAddressOf(client.get()));
  EXPECT_EQ(Count(Metric::kProxyProtocolInvalid), 1u);
}

TEST_F(ProxiedTest, ConnectionWithAHeaderOfWhoIsNotListedIsClosedAtOnceAndCounted) {
  proxies.Clear();
  Listen();
  client = Client();
  SendAll(client, BuildProxyHeader(kHeader) + Framed(Query(1)));
  EXPECT_TRUE(AtEnd(client));
  client = Accepted();
  for (const char byte : BuildProxyHeader(kHeader).substr(0, 12)) {
    EXPECT_EQ(listener->connections(), 1u);
    SendAll(client, {&byte, 1});
    Turn();
  }
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(Count(Metric::kProxyProtocolInvalid), 2u);
  EXPECT_TRUE(sink.seen.empty());
}

// 0x0D0A is what the signature begins with, and the length of a message of 3,338 octets.
TEST_F(ProxiedTest, MessageWhoseLengthIsTheStartOfASignatureIsAQuery) {
  proxies.Clear();
  Listen();
  const std::string query = std::string("\r\n\0\r\nQUIT", 9) + std::string(3338 - 9, 'x');
  for (const size_t first : {size_t{1}, size_t{2}, size_t{11}, size_t{3340}}) {
    sink.seen.clear();
    client = Accepted();
    SendAll(client, Framed(query).substr(0, first));
    Turn();
    SendAll(client, Framed(query).substr(first));
    ASSERT_TRUE(RunUntil([&] { return !sink.seen.empty(); })) << first;
    EXPECT_EQ(sink.seen[0], query);
  }
  EXPECT_EQ(Count(Metric::kProxyProtocolInvalid), 0u);
}

TEST_F(ProxiedTest, BindMayTakeNoHeaders) {
  ListenUdp();
  frontend->settings.proxy_protocol = false;
  SendAll(client, Query(7));
  ASSERT_TRUE(AwaitQuery());
  EXPECT_EQ(sink.clients[0], LocalAddressOf(client.get()));
}

TEST_F(ProxiedTest, AccessListIsForTheProxyOrForTheClientNamed) {
  ListenUdp();
  acl.Clear();
  SendAll(client, BuildProxyHeader(kHeader) + Query(7));
  ASSERT_TRUE(AwaitQuery());  // over UDP the list of proxies is enough
  settings.acl_for_proxied = true;
  SendAll(client, BuildProxyHeader(kHeader) + Query(8));
  ASSERT_TRUE(RunUntil([&] { return Count(Metric::kAclDrops) == 1; }));
  EXPECT_TRUE(acl.Add("192.0.2.0/24"));
  SendAll(client, BuildProxyHeader(kHeader) + Query(9));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 2; }));
  EXPECT_EQ(sink.seen[1], Query(9));
}

TEST_F(ProxiedTest, StreamBeginsWithOneHeaderForAllItsQueries) {
  NewFrontend()->settings.max_in_flight = 10;
  Listen();
  client = Client();
  SendAll(client, BuildProxyHeader(kHeader) + Framed(Query(1)) + Framed(Query(2)));
  ASSERT_TRUE(RunUntil([&] { return sink.held.size() == 2; }));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(sink.clients[i], kHeader.source);
    EXPECT_EQ(sink.locals[i], kHeader.destination);
    EXPECT_EQ(sink.held[i]->connection->proxy_values, kHeader.values);
  }
  sink.AnswerHeld(0);
  EXPECT_EQ(ReadMessage(client), AnswerTo(Query(1)));
}

TEST_F(ProxiedTest, StreamsHeaderMayComeByteByByte) {
  settings.max_read_ios_per_query = 0;
  Listen();
  client = Accepted();
  for (const char byte : BuildProxyHeader(kHeader) + Framed(Query(1))) {
    SendAll(client, {&byte, 1});
    Turn();
  }
  ASSERT_TRUE(AwaitQuery());
  EXPECT_EQ(sink.seen[0], Query(1));
  EXPECT_EQ(sink.clients[0], kHeader.source);
}

TEST_F(ProxiedTest, StreamsHeaderInTooManyPiecesEndsTheConnection) {
  settings.max_read_ios_per_query = 10;
  Listen();
  client = Accepted();
  const std::string header = BuildProxyHeader(kHeader);
  for (size_t i = 0; i < 10; ++i) {
    SendAll(client, header.substr(i, 1));
    Settle();
    EXPECT_EQ(listener->connections(), i < 9 ? 1u : 0u) << i;
  }
  EXPECT_TRUE(AtEnd(client));
}

TEST_F(ProxiedTest, ClientThatTricklesIsCutAndTheProxyServesOn) {
  settings.max_read_ios_per_query = 10;
  Listen();
  client = Accepted();
  SendAll(client, BuildProxyHeader(kHeader));
  const std::string query = Framed(Query(1));
  for (size_t i = 0; i < 10; ++i) {
    SendAll(client, query.substr(i, 1));
    Settle();
  }
  EXPECT_TRUE(AtEnd(client));
  client = Client();
  SendAll(client, BuildProxyHeader(kHeader) + query);
  ASSERT_TRUE(AwaitQuery());
}

TEST_F(ProxiedTest, StreamThatEndsWithinItsHeaderIsCutAtTheReadTimeout) {
  Listen();
  client = Accepted();
  SendAll(client, BuildProxyHeader(kHeader).substr(0, 20));
  Settle();
  Advance(1990);
  EXPECT_EQ(listener->connections(), 1u);
  Advance(20);
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ(frontend->tcp_client_timeouts.Get(), 1u);
}

TEST_F(ProxiedTest, StreamsWithoutAGoodHeaderAreClosedAndCounted) {
  settings.max_proxy_header = 30;
  Listen();
  const std::string bad[] = {Framed(Query(1)), BuildProxyHeader(kHeader) + Framed(Query(1))};
  for (const std::string& bytes : bad) {
    client = Client();
    SendAll(client, bytes);
    EXPECT_TRUE(AtEnd(client));
  }
  EXPECT_EQ(Count(Metric::kProxyProtocolInvalid), 2u);
  EXPECT_TRUE(sink.seen.empty());
}

TEST_F(ProxiedTest, StreamsProxyMustBeInTheAccessListAndItsClientWhereAsked) {
  Listen();
  settings.acl_for_proxied = true;
  client = Client();
  SendAll(client, BuildProxyHeader(kHeader) + Framed(Query(1)));
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(Count(Metric::kAclDrops), 1u);
  client = Client();
  SendAll(client, BuildProxyHeader({.local = true}) + Framed(Query(2)));
  ASSERT_TRUE(AwaitQuery());
  EXPECT_EQ(sink.seen[0], Query(2));
  EXPECT_EQ(sink.clients[0], LocalAddressOf(client.get()));
  acl.Clear();
  EXPECT_TRUE(acl.Add("192.0.2.0/24"));
  client = Client();
  EXPECT_TRUE(AtEnd(client));
  EXPECT_EQ(Count(Metric::kAclDrops), 2u);
}

}  // namespace
}  // namespace breakwater
