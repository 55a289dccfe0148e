// DNS over TLS as a listener takes it, with PROXY headers inside and before the handshake.
#include <fcntl.h>

#include "proxy/net/openssl.h"
#include "tests/proxy/listen/stream_fixture.h"
#include "tests/support/test_certificate.h"

namespace breakwater {
namespace {

const ProxyHeader kHeader{.stream = true,
                          .source = *Address::Parse("192.0.2.1:53281"),
                          .destination = *Address::Parse("198.51.100.2:53"),
                          .values = {{0xE0, "foo"}}};

class TlsClientTest : public test::StreamTest {
 protected:
  TlsClientTest() {
    TlsServerSettings tls;
    tls.certificates = {folder_.Make({.names = {"dns.example"}})};
    frontend = MakeFrontend("127.0.0.1", Protocol::kDot);
    frontend->tls = std::make_shared<TlsServer>(std::move(tls), MonoTime{});
    const auto loaded = frontend->tls->Load();
    EXPECT_TRUE(loaded) << loaded.error();
    EXPECT_TRUE(proxies.Add("127.0.0.1"));
    settings.proxy_acl = &proxies;
  }

  void ConnectClient() {
    client = Accepted();
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), client.get());
    ASSERT_EQ(fcntl(client.get(), F_SETFL, O_NONBLOCK), 0);
  }
  bool Shake() {
    return RunUntil([this] { return SSL_connect(ssl_.get()) == 1; });
  }
  // A record of its own.
  void Say(const std::string& bytes) {
    ASSERT_EQ(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  std::string Hear(size_t size) {
    std::string heard;
    RunUntil([&] {
      char room[512];
      const int got = SSL_read(ssl_.get(), room, sizeof(room));
      if (got > 0) heard.append(room, static_cast<size_t>(got));
      return heard.size() >= size || listener->connections() == 0;
    });
    return heard;
  }
  void ExpectAnswer(uint16_t id) {
    const std::string answer = Framed(AnswerTo(Query(id)));
    EXPECT_EQ(Hear(answer.size()), answer);
  }

  test::CertificateFolder folder_;
  OpensslPtr<SSL_CTX> context_{SSL_CTX_new(TLS_client_method())};
  NetmaskGroup proxies;
  UniqueFd client;
  OpensslPtr<SSL> ssl_;
};

// OpenSSL reads both records at once: the second is looked for by a timer, in whose run no other
// timer may take the answer, which leaves at the turn's end, for one that the client does not read.
TEST_F(TlsClientTest, QueryInARecordBehindTheHeadersIsAnswered) {
  Listen();
  ConnectClient();
  ASSERT_TRUE(Shake());
  Settle();
  Say(BuildProxyHeader(kHeader));
  Say(Framed(Query(7)));
  ExpectAnswer(7);
  EXPECT_EQ(sink.clients[0], kHeader.source);
  EXPECT_EQ(frontend->tcp_client_timeouts.Get(), 0u);
}

TEST_F(TlsClientTest, HeaderMayComeBeforeTheHandshakeInPieces) {
  frontend->settings.proxy_outside_tls = true;
  Listen();
  ConnectClient();
  for (const char byte : BuildProxyHeader(kHeader)) {
    SendAll(client, {&byte, 1});
    Turn();
  }
  ASSERT_TRUE(Shake());
  sink.mode = test::ScriptedSink::Mode::kHold;
  Say(Framed(Query(7)));
  ASSERT_TRUE(RunUntil([&] { return !sink.held.empty(); }));
  EXPECT_EQ(sink.clients[0], kHeader.source);
  EXPECT_EQ(sink.held[0]->connection->proxy_values, kHeader.values);
  EXPECT_EQ(sink.held[0]->connection->tls_version, TlsVersion::kTls13);
}

TEST_F(TlsClientTest, BadHeaderBeforeTheHandshakeEndsTheConnection) {
  frontend->settings.proxy_outside_tls = true;
  Listen();
  ConnectClient();
  SSL_connect(ssl_.get());  // the handshake at once
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 0; }));
  EXPECT_EQ(counters.Get(Metric::kProxyProtocolInvalid), 1u);
  client = Accepted();
  SendAll(client, BuildProxyHeader(kHeader).substr(0, 20));
  Settle();
  client.Reset();  // before it was whole
  ASSERT_TRUE(RunUntil([&] { return listener->connections() == 0; }));
  EXPECT_EQ(counters.Get(Metric::kProxyProtocolInvalid), 1u);
  EXPECT_EQ(frontend->tcp_died_reading_query.Get(), 1u);
}

TEST_F(TlsClientTest, SlowHeaderBeforeTheHandshakeIsCutAtTheReadTimeout) {
  frontend->settings.proxy_outside_tls = true;
  Listen();
  ConnectClient();
  SendAll(client, BuildProxyHeader(kHeader).substr(0, 20));
  Settle();
  Advance(1990);
  EXPECT_EQ(listener->connections(), 1u);
  Advance(20);
  EXPECT_EQ(listener->connections(), 0u);
  EXPECT_EQ(frontend->tcp_client_timeouts.Get(), 1u);
}

}  // namespace
}  // namespace breakwater
