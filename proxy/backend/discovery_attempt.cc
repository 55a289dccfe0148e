#include "proxy/backend/discovery_attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "proxy/backend/backend_stream.h"
#include "proxy/net/proxy_protocol.h"

namespace breakwater {
namespace {

// HTTP/2 carries many requests at a time by nature.
constexpr uint32_t kDohInFlight = 100;

std::string Described(const DiscoveredTransport& transport) {
  return fmt::format("{} at {} ({})",
                     transport.doh_path.empty() ? "DNS over TLS" : "DNS over HTTPS",
                     transport.address.ToStringWithPort(), transport.target);
}

std::string ErrnoText(int error) {
  return error == 0 ? "the connection was closed" : std::strerror(error);
}

}  // namespace

TextResult<BackendPtr> MakeUpgraded(const Backend& server, const DiscoveredTransport& transport) {
  BackendSettings settings = server.settings();
  TlsClientSettings tls = settings.discovery->tls;
  tls.subject_name = transport.target;
  // RFC 9462, 4.2: another address must prove that it belongs to the server that named it.
  const bool same = transport.address.SameHost(server.address());
  tls.subject_address = same ? std::string() : server.address().ToString();
  settings.address = transport.address;
  settings.doh_path = transport.doh_path;
  if (!settings.doh_path.empty() && settings.max_in_flight == 0) {
    settings.max_in_flight = kDohInFlight;
  }
  settings.tcp_only = true;
  if (!settings.discovery->pool.empty()) settings.pools = {settings.discovery->pool};
  settings.discovery.reset();
  settings.name = server.name();
  settings.order = server.order();
  settings.weight = server.weight();
  auto client = TlsClient::Make(tls, settings.doh_path.empty() ? "dot" : "h2");
  if (!client) return Fail(std::move(client.error()));
  settings.tls = std::move(tls);
  auto made = std::make_shared<Backend>(std::move(settings), std::move(*client));
  made->set_health_validator(server.health_validator());
  return made;
}

DiscoveryAttempt::DiscoveryAttempt(Loop& loop, BackendPtr backend, Done done)
    : loop_(loop), backend_(std::move(backend)), done_(std::move(done)) {}

DiscoveryAttempt::~DiscoveryAttempt() {
  loop_.timers().Cancel(timer_);
}

void DiscoveryAttempt::Arm(uint32_t ms) {
  loop_.timers().Cancel(timer_);
  timer_ = loop_.timers().Add(loop_.now() + MonoTime::FromMs(ms), [this] {
    timer_ = 0;
    Failed("it took too long");
  });
}

void DiscoveryAttempt::Start(uint16_t id) {
  query_ = MakeDiscoveryQuery(id);
  Arm(backend_->settings().tcp_connect_timeout_ms);
  auto stream = OpenBackendStream(loop_, backend_, *this, StreamUse::kHealthCheck);
  if (!stream) return Failed(std::string(ErrorText(stream.error())));
  stream_ = std::move(*stream);
}

void DiscoveryAttempt::OnConnected() {
  if (phase_ == Phase::kAsking) return SendQuery();
  if (phase_ != Phase::kTrying) return;
  NoteBackendOpen(*candidate_, *stream_);
  End(std::move(candidate_));
}

void DiscoveryAttempt::SendQuery() {
  const BackendSettings& settings = backend_->settings();
  if (settings.use_proxy_protocol) {
    const std::string header = BuildProxyHeader({.local = true});
    PacketBuffer bytes = packets_.Get(header.size());
    std::copy(header.begin(), header.end(), bytes.data());
    (void)stream_->QueueBytes(std::move(bytes), header.size());  // a fresh stream has room
  }
  PacketBuffer copy = packets_.Get(query_.size());
  std::copy(query_.begin(), query_.end(), copy.data());
  (void)stream_->QueueMessage(std::move(copy), query_.size());
  if (stream_->Flush() == Stream::FlushStatus::kBroken) return Failed(ErrnoText(0));
  stream_->ResumeReading();
  // A query fits the kernel's buffer: what is waited for is the answer.
  Arm(settings.tcp_recv_timeout_ms);
}

void DiscoveryAttempt::OnReadable() {
  if (phase_ != Phase::kAsking) return;
  std::array<uint8_t, 4096> room;
  const Stream::ReadResult read = stream_->Read(room);
  if (read.status == Stream::ReadStatus::kNothing) return;
  if (read.status != Stream::ReadStatus::kData) return Failed(ErrnoText(read.error));
  std::span<const uint8_t> input(room.data(), read.bytes);
  if (const auto reply = decoder_.Next(input)) OnReply(*reply);
}

void DiscoveryAttempt::OnBroken(int error) {
  Failed(stream_->failure().empty() ? ErrnoText(error) : std::string(stream_->failure()));
}

void DiscoveryAttempt::OnReply(std::span<const uint8_t> reply) {
  auto found = ReadDiscovery(
      query_, reply,
      {.server = backend_->address(), .doh_key = backend_->settings().discovery->doh_key});
  if (!found) return End(Fail(std::move(found.error())));
  transports_ = std::move(*found);
  phase_ = Phase::kTrying;
  TryNext();
}

void DiscoveryAttempt::TryNext() {
  stream_.reset();
  const DiscoveredTransport& transport = transports_[next_++];
  auto made = MakeUpgraded(*backend_, transport);
  if (!made) return Failed(made.error());
  candidate_ = std::move(*made);
  Arm(candidate_->settings().tcp_connect_timeout_ms);
  auto stream = OpenBackendStream(loop_, candidate_, *this, StreamUse::kHealthCheck);
  if (!stream) return Failed(std::string(ErrorText(stream.error())));
  stream_ = std::move(*stream);
}

void DiscoveryAttempt::Failed(const std::string& why) {
  if (phase_ == Phase::kOver) return;
  if (phase_ == Phase::kAsking) return End(Fail("it cannot be asked over TCP: " + why));
  if (!failures_.empty()) failures_ += "; ";
  failures_ += Described(transports_[next_ - 1]) + ": " + why;
  if (next_ == transports_.size()) return End(Fail(std::move(failures_)));
  TryNext();
}

// Told from the loop, like all else: what failed may do so within Start().
void DiscoveryAttempt::End(TextResult<BackendPtr> result) {
  phase_ = Phase::kOver;
  if (stream_ != nullptr) {
    stream_->PauseReading();
    stream_->ShutDownWriting();
  }
  loop_.timers().Cancel(timer_);
  timer_ = loop_.timers().Add(loop_.now(), [this, result = std::move(result)]() mutable {
    timer_ = 0;
    // A copy: the call may destroy this attempt, and with it the function.
    const Done done = done_;
    done(std::move(result));
  });
}

}  // namespace breakwater
