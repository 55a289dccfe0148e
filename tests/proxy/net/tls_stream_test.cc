#include "proxy/net/tls_stream.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>

#include "tests/support/test_certificate.h"

namespace breakwater {
namespace {

struct Hello {
  std::string name{};
  std::string alpn{};  // as on the wire
  SSL_SESSION* session = nullptr;
};

TlsServerSettings With(std::vector<TlsCertificateFiles> certificates) {
  TlsServerSettings settings;
  settings.certificates = std::move(certificates);
  return settings;
}

class End : public StreamHandler {
 public:
  void OnConnected() override { ++connected; }
  void OnReadable() override {
    std::string room(read_size, '\0');
    const auto result = stream->Read({reinterpret_cast<uint8_t*>(room.data()), room.size()});
    last = result.status;
    if (result.status == Stream::ReadStatus::kData) text += room.substr(0, result.bytes);
    if (result.status == Stream::ReadStatus::kEnd) stream->PauseReading();
    if (result.status == Stream::ReadStatus::kBroken) stream->PauseReading();
  }
  void OnWriteProgress() override { ++progress; }
  void OnBroken(int) override {
    failure = stream->failure();
    broken = true;
  }

  std::unique_ptr<TlsStream> stream;
  std::string text;
  std::string failure;
  size_t read_size = 4096;
  Stream::ReadStatus last = Stream::ReadStatus::kNothing;
  int connected = 0;
  int progress = 0;
  bool broken = false;
};

class TlsStreamTest : public testing::Test {
 protected:
  TlsStreamTest() : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_mode(context_.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
  }

  void Serve(TlsServerSettings settings) {
    server_ = std::make_unique<TlsServer>(std::move(settings), MonoTime{});
    const auto loaded = server_->Load();
    ASSERT_TRUE(loaded) << loaded.error();
  }
  void ServeOne() { Serve(With({folder_.Make({.names = {"dns.example"}})})); }

  void Connect(const Hello& hello = {}) {
    near = {};
    far = {};
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    OpensslPtr<SSL> client(SSL_new(context_.get()));
    if (!hello.name.empty()) SSL_set_tlsext_host_name(client.get(), hello.name.c_str());
    SSL_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(hello.alpn.data()),
                        static_cast<unsigned>(hello.alpn.size()));
    if (hello.session != nullptr) SSL_set_session(client.get(), hello.session);
    near.stream =
        std::make_unique<TlsStream>(loop_, TlsSocket{UniqueFd(fds[0]), server_->NewSession()}, near,
                                    TlsStreamOptions{.counters = &server_->counters()});
    far.stream = std::make_unique<TlsStream>(
        loop_, TlsSocket{UniqueFd(fds[1]), {nullptr, std::move(client)}}, far,
        TlsStreamOptions{.role = TlsStreamOptions::Role::kClient});
  }
  bool RunUntil(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      uv_run(loop_.raw(), UV_RUN_NOWAIT);
    }
    return true;
  }
  bool Open() {
    return RunUntil([this] { return near.connected == 1 && far.connected == 1; });
  }
  void Say(End& from, const std::string& what) {
    PacketBuffer bytes = pool_.Get(what.size());
    std::memcpy(bytes.data(), what.data(), what.size());
    ASSERT_TRUE(from.stream->QueueBytes(std::move(bytes), what.size()));
  }
  std::string ServedName() {
    OpensslPtr<X509> certificate(SSL_get1_peer_certificate(far.stream->ssl()));
    char name[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                              sizeof(name));
    return name;
  }
  // A session that the client may come back with; the tickets of TLS 1.3 come after the handshake.
  OpensslPtr<SSL_SESSION> Session() {
    far.stream->ResumeReading();
    Say(near, "x");
    near.stream->Flush();
    EXPECT_TRUE(RunUntil([this] { return far.text == "x"; }));
    // A copy: OpenSSL spoils the session of a connection that ends without a word.
    return OpensslPtr<SSL_SESSION>(SSL_SESSION_dup(SSL_get0_session(far.stream->ssl())));
  }

  test::CertificateFolder folder_;
  PacketPool pool_;
  Loop loop_;
  std::unique_ptr<TlsServer> server_;
  OpensslPtr<SSL_CTX> context_;
  End near, far;
};

TEST_F(TlsStreamTest, HandshakeTellsWhatWasAgreed) {
  ServeOne();
  Connect({.name = "dns.example", .alpn = "\3dot"});
  ASSERT_TRUE(Open());
  ASSERT_NE(near.stream->tls(), nullptr);
  EXPECT_EQ(near.stream->tls()->server_name, "dns.example");
  EXPECT_EQ(near.stream->tls()->alpn, "dot");
  EXPECT_EQ(near.stream->tls()->version, TlsVersion::kTls13);
  EXPECT_FALSE(near.stream->tls()->resumed);
}

TEST_F(TlsStreamTest, AlpnThatWeDoNotSpeakIsNotAgreedUpon) {
  ServeOne();
  Connect({.alpn = "\2h2"});
  ASSERT_TRUE(Open());
  EXPECT_EQ(near.stream->tls()->alpn, "");
}

TEST_F(TlsStreamTest, WhatOneTurnQueuesLeavesInOneRecord) {
  ServeOne();
  Connect();
  ASSERT_TRUE(Open());
  far.stream->ResumeReading();
  near.stream->QueueMessage(pool_.Get(2), 2);
  near.stream->QueueMessage(pool_.Get(300), 300);
  EXPECT_EQ(near.stream->queued_bytes(), 4u + 302u);
  EXPECT_EQ(near.stream->Flush(), Stream::FlushStatus::kDone);
  ASSERT_TRUE(RunUntil([this] { return !far.text.empty(); }));
  EXPECT_EQ(far.text.size(), 306u);  // one read gives no more than one record
}

TEST_F(TlsStreamTest, ARecordIsReadInPartsWithoutFurtherPackets) {
  ServeOne();
  Connect();
  ASSERT_TRUE(Open());
  near.read_size = 100;
  near.stream->ResumeReading();
  Say(far, std::string(5000, 'q'));
  ASSERT_EQ(far.stream->Flush(), Stream::FlushStatus::kDone);
  ASSERT_TRUE(RunUntil([this] { return near.text.size() == 100; }));
  near.stream->PauseReading();
  for (int i = 0; i < 20; ++i) uv_run(loop_.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(near.text.size(), 100u);
  near.stream->ResumeReading();
  EXPECT_TRUE(RunUntil([this] { return near.text.size() == 5000; }));
}

TEST_F(TlsStreamTest, APeerThatDoesNotReadBlocksAndGetsAllInOrderLater) {
  ServeOne();
  Connect();
  ASSERT_TRUE(Open());
  std::string expected;
  for (char c = 'a'; c <= 'p'; ++c) {
    expected += std::string(60000, c);
    Say(near, std::string(60000, c));
  }
  ASSERT_EQ(near.stream->Flush(), Stream::FlushStatus::kBlocked);
  Say(near, "end");
  far.stream->ResumeReading();
  ASSERT_TRUE(RunUntil([&] { return far.text.size() == expected.size() + 3; }));
  EXPECT_EQ(far.text, expected + "end");
  EXPECT_GT(near.progress, 0);
  EXPECT_EQ(near.stream->queued_bytes(), 0u);
}

TEST_F(TlsStreamTest, TheEndComesAsCloseNotify) {
  ServeOne();
  Connect();
  ASSERT_TRUE(Open());
  near.stream->ResumeReading();
  far.stream->ShutDownWriting();
  EXPECT_TRUE(RunUntil([this] { return near.last == Stream::ReadStatus::kEnd; }));
}

TEST_F(TlsStreamTest, AFloodOfKeyUpdatesEndsTheConnection) {
  ServeOne();
  Connect();
  ASSERT_TRUE(Open());
  const auto update = [this] {
    return SSL_key_update(far.stream->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(far.stream->ssl()) == 1;
  };
  near.stream->ResumeReading();
  for (int i = 0; i < 10; ++i) {
    for (int k = 0; k < 50; ++k) ASSERT_TRUE(update());
    Say(far, "q");  // between data they are allowed
    ASSERT_EQ(far.stream->Flush(), Stream::FlushStatus::kDone);
    ASSERT_TRUE(RunUntil([&] { return near.text.size() == static_cast<size_t>(i + 1); }));
  }
  for (int k = 0; k < 200; ++k) ASSERT_TRUE(update());
  Say(far, "q");  // lies behind them in the socket, and is not read any more
  ASSERT_EQ(far.stream->Flush(), Stream::FlushStatus::kDone);
  EXPECT_TRUE(RunUntil(
      [this] { return near.last == Stream::ReadStatus::kBroken || near.text.size() > 10; }));
  EXPECT_EQ(near.text.size(), 10u);
  EXPECT_EQ(server_->counters().message_floods.Get(), 1u);
}

// A client of TLS 1.2 that asks to renegotiate, whatever it is answered: OpenSSL's own would stop
// at the first refusal. The cipher hides nothing, so that records can be written by hand.
class Renegotiator {
 public:
  explicit Renegotiator(SSL* client) : key_(32) {
    std::string seed = "key expansion";
    seed += Random(client, &SSL_get_server_random) + Random(client, &SSL_get_client_random);
    std::string secret(SSL_MAX_MASTER_KEY_LENGTH, '\0');
    secret.resize(SSL_SESSION_get_master_key(SSL_get0_session(client), Bytes(secret), 48));
    EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr);
    EVP_KDF_CTX* const context = EVP_KDF_CTX_new(kdf);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string("digest", digest, 0),
        OSSL_PARAM_construct_octet_string("secret", secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string("seed", seed.data(), seed.size()),
        OSSL_PARAM_construct_end()};
    EXPECT_EQ(EVP_KDF_derive(context, key_.data(), key_.size(), parameters), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
  }
  std::string NextHello() {
    const std::string hello("\1\0\0\0", 4);
    const std::string head("\x16\3\3\0\4", 5);
    std::string signed_part(8, '\0');
    signed_part[7] = static_cast<char>(++sequence_);  // 0 was the handshake's last word
    signed_part += head + hello;
    std::string mac(32, '\0');
    HMAC(EVP_sha256(), key_.data(), 32, Bytes(signed_part), signed_part.size(), Bytes(mac),
         nullptr);
    return std::string("\x16\3\3\0\x24", 5) + hello + mac;
  }

 private:
  static unsigned char* Bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
  }
  static std::string Random(const SSL* client, size_t (*get)(const SSL*, unsigned char*, size_t)) {
    std::string random(SSL3_RANDOM_SIZE, '\0');
    get(client, Bytes(random), random.size());
    return random;
  }
  std::vector<uint8_t> key_;
  uint8_t sequence_ = 0;
};

TEST_F(TlsStreamTest, AFloodOfRenegotiationsEndsTheConnection) {
  std::signal(SIGPIPE, SIG_IGN);  // as the program does: a refusal may find the connection ended
  constexpr const char* kPlain = "NULL-SHA256:@SECLEVEL=0";
  TlsServerSettings settings = With(
      {folder_.Make({.names = {"dns.example"}, .key = test::CertificateFolder::KeyType::kRsa})});
  settings.ciphers = kPlain;
  Serve(settings);
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context_.get(), kPlain);
  Connect();
  ASSERT_TRUE(Open());
  near.stream->ResumeReading();
  Renegotiator client(far.stream->ssl());
  const int fd = SSL_get_fd(far.stream->ssl());
  const auto ask = [&](int times) {
    std::string hellos;
    while (times-- > 0) hellos += client.NextHello();
    return send(fd, hellos.data(), hellos.size(), 0) == static_cast<ssize_t>(hellos.size());
  };
  ASSERT_TRUE(ask(50));
  for (int i = 0; i < 10; ++i) uv_run(loop_.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(near.last, Stream::ReadStatus::kNothing);
  ASSERT_TRUE(ask(50));
  EXPECT_TRUE(RunUntil([this] { return near.last != Stream::ReadStatus::kNothing; }));
  EXPECT_EQ(server_->counters().message_floods.Get(), 1u);
}

TEST_F(TlsStreamTest, WhatIsNoHandshakeBreaksAndIsCounted) {
  ServeOne();
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  const UniqueFd client(fds[1]);
  near.stream =
      std::make_unique<TlsStream>(loop_, TlsSocket{UniqueFd(fds[0]), server_->NewSession()}, near,
                                  TlsStreamOptions{.counters = &server_->counters()});
  ASSERT_EQ(send(client.get(), "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
  ASSERT_TRUE(RunUntil([this] { return near.broken; }));
  EXPECT_EQ(near.failure, "http request");
  EXPECT_EQ(server_->counters().failures[static_cast<size_t>(TlsFailure::kOther)].Get(), 1u);
  EXPECT_EQ(near.connected, 0);
}

TEST_F(TlsStreamTest, AProtocolTooOldIsCountedByItsReason) {
  TlsServerSettings settings = With({folder_.Make({.names = {"a.example"}})});
  settings.minimum = TlsVersion::kTls13;
  Serve(settings);
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  Connect();
  ASSERT_TRUE(RunUntil([this] { return near.broken && far.broken; }));
  EXPECT_EQ(
      server_->counters().failures[static_cast<size_t>(TlsFailure::kUnsupportedProtocol)].Get(),
      1u);
}

TEST_F(TlsStreamTest, TheNameThatIsAskedForChoosesTheCertificate) {
  Serve(With({folder_.Make({.names = {"a.example"}}),
              folder_.Make({.names = {"b.example", "c.example"}})}));
  for (const auto& [asked, served] : {std::pair{"a.example", "a.example"},
                                      {"C.Example", "b.example"},
                                      {"other.example", "a.example"},
                                      {"", "a.example"}}) {
    Connect({.name = asked});
    ASSERT_TRUE(Open()) << asked;
    EXPECT_EQ(ServedName(), served) << asked;
  }
}

TEST_F(TlsStreamTest, RsaStandsBesideEcdsaForOneName) {
  using Key = test::CertificateFolder::KeyType;
  Serve(With({folder_.Make({.names = {"a.example"}, .key = Key::kEcdsa}),
              folder_.Make({.names = {"a.example"}, .key = Key::kRsa})}));
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  for (const auto& [cipher, type] : {std::pair{"ECDHE-RSA-AES128-GCM-SHA256", EVP_PKEY_RSA},
                                     {"ECDHE-ECDSA-AES128-GCM-SHA256", EVP_PKEY_EC}}) {
    SSL_CTX_set_cipher_list(context_.get(), cipher);
    Connect({.name = "a.example"});
    ASSERT_TRUE(Open()) << cipher;
    OpensslPtr<X509> certificate(SSL_get1_peer_certificate(far.stream->ssl()));
    EXPECT_EQ(EVP_PKEY_get_base_id(X509_get0_pubkey(certificate.get())), type);
  }
}

TEST_F(TlsStreamTest, SessionsResumeAcrossAReloadAndARotatedKey) {
  ServeOne();
  Connect();
  ASSERT_TRUE(Open());
  auto session = Session();
  ASSERT_TRUE(server_->Load());
  Connect({.session = session.get()});
  ASSERT_TRUE(Open());
  EXPECT_TRUE(near.stream->tls()->resumed);
  session = Session();
  server_->tickets().Rotate(MonoTime{});
  Connect({.session = session.get()});
  ASSERT_TRUE(Open());
  EXPECT_TRUE(near.stream->tls()->resumed);
  EXPECT_EQ(server_->counters().inactive_ticket_keys.Get(), 1u);
}

TEST_F(TlsStreamTest, ATicketOfAForgottenKeyMeansAFullHandshake) {
  TlsServerSettings settings = With({folder_.Make({.names = {"a.example"}})});
  settings.ticket_keys = 1;
  Serve(settings);
  Connect();
  ASSERT_TRUE(Open());
  const auto session = Session();
  server_->tickets().Rotate(MonoTime{});
  Connect({.session = session.get()});
  ASSERT_TRUE(Open());
  EXPECT_FALSE(near.stream->tls()->resumed);
  EXPECT_EQ(server_->counters().unknown_ticket_keys.Get(), 1u);
}

TEST_F(TlsStreamTest, WithoutTicketsOrKeysNoTicketIsGivenAndTls13DoesNotResume) {
  TlsServerSettings no_tickets = With({folder_.Make({.names = {"a.example"}})});
  TlsServerSettings no_keys = no_tickets;
  no_tickets.session_tickets = false;
  no_keys.ticket_keys = 0;
  for (const TlsServerSettings& settings : {no_tickets, no_keys}) {
    Serve(settings);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      SSL_CTX_set_max_proto_version(context_.get(), version);
      Connect();
      ASSERT_TRUE(Open());
      const auto session = Session();
      EXPECT_EQ(SSL_SESSION_has_ticket(session.get()), 0) << version;
      Connect({.session = session.get()});
      ASSERT_TRUE(Open());
      // TLS 1.2 has sessions that the server keeps.
      EXPECT_EQ(near.stream->tls()->resumed, version == TLS1_2_VERSION);
    }
  }
}

TEST_F(TlsStreamTest, ABadReloadChangesNothingAndOpenConnectionsStay) {
  ServeOne();
  Connect();
  ASSERT_TRUE(Open());
  TlsCertificateFiles gone = folder_.Make({.names = {"new.example"}});
  gone.key = folder_.path() + "/gone";
  EXPECT_FALSE(server_->LoadCertificates({gone}));
  Connect();
  ASSERT_TRUE(Open());
  EXPECT_EQ(ServedName(), "dns.example");
  ASSERT_TRUE(server_->LoadCertificates({folder_.Make({.names = {"new.example"}})}));
  near.stream->ResumeReading();
  Say(far, "still here");
  far.stream->Flush();
  EXPECT_TRUE(RunUntil([this] { return near.text == "still here"; }));
  Connect();
  ASSERT_TRUE(Open());
  EXPECT_EQ(ServedName(), "new.example");
}

TEST_F(TlsStreamTest, OcspResponseGoesWithItsCertificate) {
  TlsServerSettings settings = With({folder_.Make({.names = {"a.example"}})});
  settings.ocsp_files = {folder_.Write("ocsp", "response")};
  Serve(settings);
  SSL_CTX_set_tlsext_status_type(context_.get(), TLSEXT_STATUSTYPE_ocsp);
  SSL_CTX_set_tlsext_status_cb(
      context_.get(), +[](SSL*, void*) { return 1; });
  Connect();
  ASSERT_TRUE(Open());
  const unsigned char* response = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(far.stream->ssl(), &response);
  ASSERT_EQ(size, 8);
  EXPECT_EQ(std::memcmp(response, "response", 8), 0);
}

}  // namespace
}  // namespace breakwater
