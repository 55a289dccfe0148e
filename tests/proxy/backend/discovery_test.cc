#include "proxy/backend/discovery.h"

#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "proxy/base/text.h"
#include "tests/proxy/backend/fake_tcp_server.h"
#include "tests/support/manual_clock.h"
#include "tests/support/test_certificate.h"

namespace breakwater {
namespace {

using test::Bytes;
using test::FakeTcpConnection;
using test::FakeTcpServer;
using test::ManualClock;
using test::QueryMaker;

// Accepts TLS connections on 127.0.0.1 and shakes hands, on a thread of its own.
class TlsPeer {
 public:
  TlsPeer(TlsServerSettings settings, Loop& loop)
      : tls_(std::move(settings), loop.now()), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_TRUE(tls_.Load());
    const Address any = *Address::Parse("127.0.0.1", 0);
    EXPECT_EQ(bind(fd_.get(), any.sockaddr_ptr(), any.sockaddr_length()), 0);
    EXPECT_EQ(listen(fd_.get(), 16), 0);
    thread_ = std::thread([this] {
      while (true) {
        const UniqueFd client(accept(fd_.get(), nullptr, nullptr));
        if (client.get() < 0) return;
        const TlsSession session = tls_.NewSession();
        SSL_set_fd(session.ssl.get(), client.get());
        if (SSL_accept(session.ssl.get()) != 1) continue;
        char byte = 0;
        (void)SSL_read(session.ssl.get(), &byte, 1);  // until the other end closes
      }
    });
  }
  ~TlsPeer() {
    shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  uint16_t port() const { return test::LocalAddress(fd_.get()).port(); }

 private:
  TlsServer tls_;
  UniqueFd fd_;
  std::thread thread_;
};

std::string Text(uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

// A SVCB record for `target` at a port, as a QueryMaker takes it; with a path it is DoH.
std::string Announce(const std::string& target, uint16_t port, const std::string& path = "") {
  const auto wire = QueryMaker::WireName(target);
  const std::string alpn = path.empty() ? "\3dot" : "\2h2";
  std::string rdata = Text(1) + std::string(wire.begin(), wire.end());
  rdata += Text(1) + Text(static_cast<uint16_t>(alpn.size())) + alpn;
  rdata += Text(3) + Text(2) + Text(port);
  if (!path.empty()) rdata += Text(7) + Text(static_cast<uint16_t>(path.size())) + path;
  return " / answer _dns.resolver.arpa 300 SVCB " + HexEncode(AsBytes(rdata));
}

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does: who is given up may have closed
    DiscoverySetup setup;
    setup.backends = [this] { return backends_; };
    setup.on_upgrade = [this](const BackendPtr& server, const BackendPtr& upgraded) {
      EXPECT_EQ(server, backends_[0]);
      upgraded_.push_back(upgraded);
    };
    setup.counters = &counters_;
    discovery_ = std::make_unique<Discovery>(loop_, std::move(setup));
    files_ = folder_.Make({.names = {"dns.example"}});
    settings_.address = server_.address();
    settings_.name = "one";
    settings_.discovery.emplace();
    settings_.discovery->tls.ca_store = files_.certificate;
  }
  ~DiscoveryTest() override { backends_.clear(); }

  template <typename Done>
  void RunUntil(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << "waited ten seconds";
      uv_run(loop_.raw(), UV_RUN_NOWAIT);
    }
  }
  TlsServerSettings Tls(TlsUse use) const {
    TlsServerSettings settings;
    settings.certificates = {files_};
    settings.use = use;
    return settings;
  }
  void Add() { backends_.push_back(std::make_shared<Backend>(settings_)); }
  // The server's connection of a round just begun, its query read.
  FakeTcpConnection Asked(Bytes* query) {
    discovery_->RunRound();
    FakeTcpConnection connection = server_.Accept();
    for (int i = 0; i < 20; ++i) uv_run(loop_.raw(), UV_RUN_NOWAIT);
    *query = connection.Receive();
    return connection;
  }
  // One attempt whose question is answered with these records.
  void Attempt(const std::string& records) {
    const uint64_t before = Attempts();
    Bytes query;
    FakeTcpConnection connection = Asked(&query);
    connection.Send(QueryMaker::Message(
        "_dns.resolver.arpa SVCB +qr +id=" + std::to_string(LoadU16(query.data())) + records));
    RunUntil([&] { return Attempts() > before; });
  }
  uint64_t Attempts() const { return Failures() + counters_.Get(Metric::kServerUpgrades); }
  uint64_t Failures() const { return counters_.Get(Metric::kServerUpgradeFailures); }

  ManualClock clock_;
  Loop loop_{clock_};
  Counters counters_;
  test::CertificateFolder folder_;
  TlsCertificateFiles files_;
  FakeTcpServer server_;
  BackendSettings settings_;
  std::vector<BackendPtr> backends_;
  std::vector<BackendPtr> upgraded_;
  std::unique_ptr<Discovery> discovery_;
};

TEST_F(DiscoveryTest, AsksOverTcpAndUpgradesToTls) {
  TlsPeer peer(Tls(TlsUse::kDot), loop_);
  settings_.discovery->pool = "safe";
  Add();
  backends_[0]->set_order(7);
  Bytes query;
  FakeTcpConnection connection = Asked(&query);
  EXPECT_EQ(test::Describe(query), "rd NOERROR; _dns.resolver.arpa TYPE64; ar: OPT 4096");
  connection.Send(QueryMaker::Message(
      "_dns.resolver.arpa SVCB +qr +id=" + std::to_string(LoadU16(query.data())) +
      Announce("dns.example", peer.port())));
  RunUntil([&] { return !upgraded_.empty(); });
  const BackendSettings& now = upgraded_[0]->settings();
  EXPECT_EQ(now.id, backends_[0]->id());
  EXPECT_EQ(now.name, "one");
  EXPECT_EQ(now.address.port(), peer.port());
  EXPECT_EQ(now.tls->subject_name, "dns.example");
  EXPECT_EQ(now.doh_path, "");
  EXPECT_EQ(now.pools, std::vector<std::string>{"safe"});
  EXPECT_TRUE(now.tcp_only);
  EXPECT_FALSE(now.discovery);
  EXPECT_EQ(upgraded_[0]->order(), 7);
  EXPECT_NE(upgraded_[0]->tls(), nullptr);
  EXPECT_EQ(counters_.Get(Metric::kServerUpgrades), 1u);
}

TEST_F(DiscoveryTest, UpgradesToHttps) {
  TlsPeer peer(Tls(TlsUse::kDoh), loop_);
  Add();
  Attempt(Announce("dns.example", peer.port(), "/q{?dns}"));
  ASSERT_EQ(upgraded_.size(), 1u);
  EXPECT_EQ(upgraded_[0]->settings().doh_path, "/q");
  EXPECT_EQ(upgraded_[0]->settings().max_in_flight, 100u);
}

TEST_F(DiscoveryTest, AServerIsUpgradedOnce) {
  TlsPeer peer(Tls(TlsUse::kDot), loop_);
  Add();
  Attempt(Announce("dns.example", peer.port()));
  ASSERT_EQ(upgraded_.size(), 1u);
  clock_.Advance(MonoTime::FromSeconds(3600));
  uv_run(loop_.raw(), UV_RUN_NOWAIT);
  discovery_->RunRound();
  EXPECT_FALSE(server_.Waiting());
}

TEST_F(DiscoveryTest, WhatCannotBeConnectedToLeavesTheNextItsTurn) {
  TlsPeer peer(Tls(TlsUse::kDot), loop_);
  uint16_t closed = 0;
  {
    FakeTcpServer gone;
    closed = gone.address().port();
  }
  Add();
  Attempt(Announce("dns.example", closed) + Announce("other.example", peer.port()) +
          Announce("dns.example", peer.port()));
  ASSERT_EQ(upgraded_.size(), 1u);
  EXPECT_EQ(upgraded_[0]->settings().tls->subject_name, "dns.example");
}

TEST_F(DiscoveryTest, ACertificateForAnotherNameIsRefused) {
  TlsPeer peer(Tls(TlsUse::kDot), loop_);
  Add();
  Attempt(Announce("other.example", peer.port()));
  EXPECT_EQ(Failures(), 1u);
  settings_.discovery->tls.validate = false;
  backends_.clear();
  Add();
  Attempt(Announce("other.example", peer.port()));
  EXPECT_EQ(upgraded_.size(), 1u);
}

TEST_F(DiscoveryTest, HttpsNeedsAServerThatSpeaksIt) {
  TlsPeer peer(Tls(TlsUse::kDot), loop_);
  Add();
  Attempt(Announce("dns.example", peer.port(), "/"));
  EXPECT_EQ(Failures(), 1u);
}

TEST_F(DiscoveryTest, AFailureIsTriedAgainAfterTheInterval) {
  settings_.discovery->interval_s = 600;
  Add();
  Attempt("");
  EXPECT_EQ(Failures(), 1u);
  clock_.Advance(MonoTime::FromSeconds(599));
  uv_run(loop_.raw(), UV_RUN_NOWAIT);
  discovery_->RunRound();
  EXPECT_FALSE(server_.Waiting());
  clock_.Advance(MonoTime::FromSeconds(1));
  uv_run(loop_.raw(), UV_RUN_NOWAIT);
  Attempt("");
  EXPECT_EQ(Failures(), 2u);
}

TEST_F(DiscoveryTest, ASilentServerIsGivenUp) {
  settings_.tcp_recv_timeout_ms = 2000;
  Add();
  Bytes query;
  FakeTcpConnection connection = Asked(&query);
  clock_.Advance(MonoTime::FromMs(1999));
  for (int i = 0; i < 5; ++i) uv_run(loop_.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(Failures(), 0u);
  clock_.Advance(MonoTime::FromMs(1));
  RunUntil([&] { return Failures() == 1; });
  EXPECT_TRUE(connection.AtEnd());
}

TEST_F(DiscoveryTest, ATransportThatDoesNotShakeHandsIsGivenUp) {
  FakeTcpServer mute;
  settings_.tcp_connect_timeout_ms = 2000;
  Add();
  Bytes query;
  FakeTcpConnection connection = Asked(&query);
  connection.Send(QueryMaker::Message(
      "_dns.resolver.arpa SVCB +qr +id=" + std::to_string(LoadU16(query.data())) +
      Announce("dns.example", mute.address().port())));
  RunUntil([&] { return mute.Waiting(); });
  clock_.Advance(MonoTime::FromMs(2000));
  RunUntil([&] { return Failures() == 1; });
}

TEST_F(DiscoveryTest, AServerThatCannotBeAskedIsAFailure) {
  Add();
  Bytes query;
  Asked(&query).Close();
  RunUntil([&] { return Failures() == 1; });
  server_.Close();
  clock_.Advance(MonoTime::FromSeconds(3600));
  uv_run(loop_.raw(), UV_RUN_NOWAIT);
  discovery_->RunRound();
  RunUntil([&] { return Failures() == 2; });
}

TEST_F(DiscoveryTest, ServersThatDoNotAskForItAreLeftAlone) {
  settings_.discovery.reset();
  Add();
  discovery_->RunRound();
  EXPECT_FALSE(server_.Waiting());
}

TEST_F(DiscoveryTest, AnotherAddressMustProveThatItBelongsToTheServer) {
  Add();
  const DiscoveredTransport elsewhere{.address = *Address::Parse("192.0.2.9:853"),
                                      .target = "dns.example"};
  const auto made = MakeUpgraded(*backends_[0], elsewhere);
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ((*made)->settings().tls->subject_address, "127.0.0.1");
  EXPECT_EQ((*made)->settings().tls->subject_name, "dns.example");
}

TEST_F(DiscoveryTest, ItsEndInTheMiddleIsNoHarm) {
  Add();
  Bytes query;
  FakeTcpConnection connection = Asked(&query);
  discovery_.reset();
  uv_run(loop_.raw(), UV_RUN_NOWAIT);
  EXPECT_TRUE(connection.AtEnd());
}

}  // namespace
}  // namespace breakwater
