#include "proxy/net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace breakwater {
namespace {

constexpr size_t kMostInRecord = 16384;  // RFC 8446, 5.1

// Key updates and the like between data: more are no use and cost their reader much.
constexpr uint32_t kMostIdleMessages = 64;

TlsVersion VersionOf(const SSL* ssl) {
  switch (SSL_version(ssl)) {
    case TLS1_VERSION:
      return TlsVersion::kTls10;
    case TLS1_1_VERSION:
      return TlsVersion::kTls11;
    case TLS1_2_VERSION:
      return TlsVersion::kTls12;
    case TLS1_3_VERSION:
      return TlsVersion::kTls13;
    default:
      return TlsVersion::kUnknown;
  }
}

TlsFailure FailureOf(unsigned long error) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_DH_KEY_TOO_SMALL:
      return TlsFailure::kDhKeyTooSmall;
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return TlsFailure::kInappropriateFallback;
    case SSL_R_NO_SHARED_CIPHER:
      return TlsFailure::kNoSharedCipher;
    case SSL_R_UNKNOWN_CIPHER_TYPE:
      return TlsFailure::kUnknownCipherType;
    case SSL_R_UNKNOWN_KEY_EXCHANGE_TYPE:
      return TlsFailure::kUnknownKeyExchangeType;
    case SSL_R_UNKNOWN_PROTOCOL:
      return TlsFailure::kUnknownProtocol;
    case SSL_R_UNSUPPORTED_ELLIPTIC_CURVE:
      return TlsFailure::kUnsupportedEc;
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return TlsFailure::kUnsupportedProtocol;
    default:
      return TlsFailure::kOther;
  }
}

}  // namespace

TlsStream::TlsStream(Loop& loop, TlsSocket socket, StreamHandler& handler, TlsStreamOptions options)
    : loop_(loop),
      handler_(handler),
      session_(std::move(socket.session)),
      queue_(options.max_held_bytes),
      options_(std::move(options)),
      phase_(options_.connecting           ? Phase::kConnecting
             : options_.preface != nullptr ? Phase::kPreface
                                           : Phase::kHandshake) {
  SSL* const ssl = session_.ssl.get();
  SSL_set_fd(ssl, socket.fd.get());
  if (options_.role == TlsStreamOptions::Role::kServer) {
    SSL_set_accept_state(ssl);
    wants_read_ = true;
  } else {
    SSL_set_connect_state(ssl);
    blocked_ = true;  // the first word is ours
  }
  poller_ = std::make_unique<Poller>(
      loop, std::move(socket.fd),
      [this](bool readable, bool writable) { OnEvents(readable, writable); });
  UpdateWatch();
}

TlsStream::~TlsStream() {
  *alive_ = false;
  // OpenSSL spoils the session of a connection that ends without a word, and peers often end so.
  if (phase_ == Phase::kOpen) SSL_set_shutdown(ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  loop_.timers().Cancel(read_timer_);
}

bool TlsStream::ReadPreface() {
  const TlsPreface read = options_.preface(poller_->fd());
  if (read == TlsPreface::kMore) return false;
  options_.preface = nullptr;
  phase_ = read == TlsPreface::kDone ? Phase::kHandshake : Phase::kBroken;
  UpdateWatch();
  return read == TlsPreface::kDone;
}

void TlsStream::Shake() {
  wants_read_ = blocked_ = false;
  ERR_clear_error();
  errno = 0;
  const int done = SSL_do_handshake(ssl());
  if (done == 1) return HandshakeDone();
  const int error = SSL_get_error(ssl(), done);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return HandshakeFailed(error);
  (error == SSL_ERROR_WANT_READ ? wants_read_ : blocked_) = true;
  UpdateWatch();
}

void TlsStream::HandshakeDone() {
  phase_ = Phase::kOpen;
  SSL_set_msg_callback(ssl(), &TlsStream::OnMessage);
  SSL_set_msg_callback_arg(ssl(), this);
  TlsFacts facts;
  facts.version = VersionOf(ssl());
  facts.resumed = SSL_session_reused(ssl()) == 1;
  if (const char* name = SSL_get_servername(ssl(), TLSEXT_NAMETYPE_host_name)) {
    facts.server_name = name;
  }
  const unsigned char* alpn = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl(), &alpn, &size);
  if (size > 0) facts.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  facts_ = std::move(facts);
  UpdateWatch();
  const std::shared_ptr<bool> alive = alive_;
  handler_.OnConnected();
  if (!*alive) return;
  // Queries may have come with the client's last message of the handshake.
  if (reading_ && HasUnread()) Readable();
  if (*alive && queue_.bytes() > 0 && Flush() == FlushStatus::kBroken) handler_.OnBroken(EPROTO);
}

void TlsStream::HandshakeFailed(int ssl_error) {
  const int error = errno;
  const unsigned long reason = ERR_peek_error();
  const long verified = SSL_get_verify_result(ssl());
  if (ssl_error == SSL_ERROR_SYSCALL && reason == 0) {
    failure_ = error != 0 ? std::strerror(error) : "the peer closed during the handshake";
  } else if (options_.role == TlsStreamOptions::Role::kClient && verified != X509_V_OK) {
    failure_ = std::string("certificate refused: ") + X509_verify_cert_error_string(verified);
  } else if (ssl_error == SSL_ERROR_ZERO_RETURN) {
    failure_ = "the peer closed during the handshake";
  } else {
    failure_ = TakeOpensslError();
  }
  ERR_clear_error();
  if (options_.counters != nullptr && reason != 0) {
    options_.counters->failures[static_cast<size_t>(FailureOf(reason))].Add();
  }
  phase_ = Phase::kBroken;
  UpdateWatch();
  handler_.OnBroken(error != 0 ? error : EPROTO);
}

Stream::ReadResult TlsStream::Read(std::span<uint8_t> room) {
  if (phase_ == Phase::kBroken) return {ReadStatus::kBroken, 0, EPROTO};
  if (phase_ != Phase::kOpen) return {};
  ERR_clear_error();
  errno = 0;
  size_t got = 0;
  const int done = SSL_read_ex(ssl(), room.data(), room.size(), &got);
  drained_ = done != 1;
  if (done == 1) idle_messages_ = 0;
  if (done == 1) return {ReadStatus::kData, got, 0};
  const int system_error = errno;
  if (idle_messages_ > kMostIdleMessages) {
    failure_ = "a flood of key updates or of wishes to renegotiate";
    phase_ = Phase::kBroken;
    return {ReadStatus::kBroken, 0, EPROTO};
  }
  switch (SSL_get_error(ssl(), done)) {
    case SSL_ERROR_WANT_READ:
      return {};
    case SSL_ERROR_WANT_WRITE:
      read_writes_ = true;
      UpdateWatch();
      return {};
    case SSL_ERROR_ZERO_RETURN:
      return {ReadStatus::kEnd, 0, 0};
    default:
      // OpenSSL says after such an error that nothing further may be done with the session.
      failure_ = TakeOpensslError();
      phase_ = Phase::kBroken;
      return {ReadStatus::kBroken, 0, system_error != 0 ? system_error : EPROTO};
  }
}

// OpenSSL goes on reading as long as records without data come. It stops where the peer is taken to
// have closed, and what still lies in the socket then costs nothing.
void TlsStream::OnMessage(int written, int, int type, const void*, size_t, SSL* ssl, void* stream) {
  auto& self = *static_cast<TlsStream*>(stream);
  if (written != 0 || type != SSL3_RT_HANDSHAKE || ++self.idle_messages_ <= kMostIdleMessages) {
    return;
  }
  if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0) return;
  SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
  if (self.options_.counters != nullptr) self.options_.counters->message_floods.Add();
}

bool TlsStream::QueueMessage(PacketBuffer message, size_t size) {
  return queue_.PushMessage(std::move(message), size);
}

bool TlsStream::QueueBytes(PacketBuffer bytes, size_t size) {
  return queue_.PushBytes(std::move(bytes), size);
}

// A write that could not be finished is asked again with the same bytes in front, and perhaps more
// behind them (SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER), which is what CopyTo gives.
Stream::FlushStatus TlsStream::Flush() {
  if (phase_ == Phase::kBroken) return FlushStatus::kBroken;
  if (phase_ != Phase::kOpen) {
    return queue_.bytes() == 0 ? FlushStatus::kDone : FlushStatus::kBlocked;
  }
  blocked_ = wants_read_ = false;
  FlushStatus status = FlushStatus::kDone;
  while (queue_.bytes() > 0 && status == FlushStatus::kDone) {
    std::array<uint8_t, kMostInRecord> record;
    const size_t size = queue_.CopyTo(record);
    ERR_clear_error();
    size_t sent = 0;
    const int done = SSL_write_ex(ssl(), record.data(), size, &sent);
    if (done == 1) {
      queue_.Taken(sent);
      continue;
    }
    const int error = SSL_get_error(ssl(), done);
    if (error == SSL_ERROR_WANT_WRITE) {
      blocked_ = true;
      status = FlushStatus::kBlocked;
    } else if (error == SSL_ERROR_WANT_READ) {
      wants_read_ = true;
      status = FlushStatus::kBlocked;
    } else {
      failure_ = TakeOpensslError();
      phase_ = Phase::kBroken;
      status = FlushStatus::kBroken;
    }
  }
  UpdateWatch();
  return status;
}

void TlsStream::PauseReading() {
  if (!reading_) return;
  reading_ = false;
  UpdateWatch();
}

void TlsStream::ResumeReading() {
  if (reading_) return;
  reading_ = true;
  UpdateWatch();
  if (HasUnread()) ScheduleRead();
}

// The kernel does not tell of what OpenSSL has read already.
bool TlsStream::HasUnread() const {
  return phase_ == Phase::kOpen && !drained_ && SSL_has_pending(ssl()) == 1;
}

void TlsStream::ScheduleRead() {
  if (read_timer_ != 0) return;
  read_timer_ = loop_.timers().Add(loop_.now(), [this] {
    read_timer_ = 0;
    if (reading_ && phase_ == Phase::kOpen) Readable();
  });
}

void TlsStream::ShutDownWriting() {
  if (phase_ == Phase::kOpen) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl());  // close_notify; the peer's is not waited for
    ERR_clear_error();
  }
  (void)shutdown(poller_->fd(), SHUT_WR);
}

void TlsStream::UpdateWatch() {
  const bool open = phase_ == Phase::kOpen;
  if (phase_ == Phase::kBroken) return poller_->Watch({});
  poller_->Watch({.readable = (open && reading_) || wants_read_,
                  .writable = blocked_ || read_writes_ || phase_ == Phase::kConnecting});
}

void TlsStream::Readable() {
  const std::shared_ptr<bool> alive = alive_;
  handler_.OnReadable();
  // What is left of the record; the handler takes a part at a time.
  if (*alive && reading_ && HasUnread()) ScheduleRead();
}

// Each handler call may destroy this stream; nothing of it is touched after that.
void TlsStream::OnEvents(bool readable, bool writable) {
  const std::shared_ptr<bool> alive = alive_;
  if (phase_ == Phase::kConnecting) {
    if (!writable) return;
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(poller_->fd(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return handler_.OnBroken(error);
    phase_ = Phase::kHandshake;
  }
  if (phase_ == Phase::kPreface && !ReadPreface()) return;
  if (phase_ == Phase::kHandshake) return Shake();
  if ((writable && blocked_) || (readable && wants_read_)) {
    const size_t before = queue_.bytes();
    if (Flush() == FlushStatus::kBroken) return handler_.OnBroken(EPROTO);
    if (queue_.bytes() < before) handler_.OnWriteProgress();
    if (!*alive) return;
  }
  const bool read_again = writable && std::exchange(read_writes_, false);
  if (read_again) UpdateWatch();
  if ((readable || read_again) && reading_) Readable();
}

}  // namespace breakwater
