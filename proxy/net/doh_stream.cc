#include "proxy/net/doh_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "proxy/dns/header.h"
#include "proxy/dns/question.h"
#include "proxy/net/dns_framing.h"

namespace breakwater {
namespace {

constexpr size_t kReadChunk = 16384;
constexpr std::string_view kMediaType = "application/dns-message";

nghttp2_nv Header(std::string_view name, std::string_view value) {
  return {const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(name.data())),
          const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::string_view Text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

struct DohStream::Request {
  std::vector<uint8_t> query;
  size_t sent = 0;
  std::vector<uint8_t> answer;
  bool ok = false;  // status 200
  bool is_dns = false;
  bool too_long = false;
};

// What nghttp2 calls from within Feed and Pump.
struct DohStream::Callbacks {
  static DohStream& Of(void* user) { return *static_cast<DohStream*>(user); }
  static Request* Find(void* user, int32_t id) {
    auto& requests = Of(user).requests_;
    const auto found = requests.find(id);
    return found == requests.end() ? nullptr : found->second.get();
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    Request* request = Find(user, frame->hd.stream_id);
    if (request == nullptr) return 0;
    if (Text(name, name_size) == ":status") request->ok = Text(value, value_size) == "200";
    if (Text(name, name_size) == "content-type") {
      request->is_dns = Text(value, value_size).starts_with(kMediaType);
    }
    return 0;
  }

  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                    void* user) {
    Request* request = Find(user, id);
    if (request == nullptr) return 0;
    request->too_long |= request->answer.size() + size > kMaxFrame;
    if (!request->too_long) request->answer.insert(request->answer.end(), data, data + size);
    return 0;
  }

  static int OnClose(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    DohStream& self = Of(user);
    const auto found = self.requests_.find(id);
    if (found == self.requests_.end()) return 0;
    const std::unique_ptr<Request> request = std::move(found->second);
    self.requests_.erase(found);
    self.unsent_ -= request->query.size() - request->sent;
    // Not looked at by the server: whoever asked may ask again over another connection.
    if (error == NGHTTP2_REFUSED_STREAM || (self.going_away_ && error != NGHTTP2_NO_ERROR)) {
      self.going_away_ = true;
      return 0;
    }
    if (error != NGHTTP2_NO_ERROR) request->ok = false;
    self.Answered(*request);
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_GOAWAY) return 0;
    Of(user).going_away_ = true;
    // With an error nothing that is open will be answered.
    Of(user).ended_ |= frame->goaway.error_code != NGHTTP2_NO_ERROR;
    return 0;
  }

  static ssize_t ReadQuery(nghttp2_session*, int32_t id, uint8_t* room, size_t size,
                           uint32_t* flags, nghttp2_data_source*, void* user) {
    Request* request = Find(user, id);
    if (request == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const size_t count = std::min(size, request->query.size() - request->sent);
    std::copy_n(request->query.begin() + static_cast<ptrdiff_t>(request->sent), count, room);
    request->sent += count;
    Of(user).unsent_ -= count;
    if (request->sent == request->query.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }
};

DohStream::DohStream(Loop& loop, StreamHandler& handler, DohStreamOptions options)
    : loop_(loop), handler_(handler), options_(std::move(options)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::OnClose);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Callbacks::OnFrame);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  if (session_ == nullptr) throw std::bad_alloc();
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
}

DohStream::~DohStream() {
  *alive_ = false;
  loop_.timers().Cancel(notify_);
  nghttp2_session_del(session_);
}

void DohStream::OnConnected() {
  const TlsFacts* facts = stream_->tls();
  if (facts == nullptr || facts->alpn != "h2") return Break("the server does not speak HTTP/2");
  open_ = true;
  stream_->ResumeReading();
  handler_.OnConnected();
}

bool DohStream::MayQueue() const {
  if (broken_ || ended_ || going_away_) return false;
  const uint32_t most =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return nghttp2_session_check_request_allowed(session_) != 0 && requests_.size() < most;
}

bool DohStream::QueueMessage(PacketBuffer message, size_t size) {
  auto request = std::make_unique<Request>();
  request->query.assign(message.data(), message.data() + size);
  const std::string length = std::to_string(size);
  std::vector<nghttp2_nv> headers = {Header(":method", "POST"),
                                     Header(":scheme", "https"),
                                     Header(":authority", options_.authority),
                                     Header(":path", options_.path),
                                     Header("accept", kMediaType),
                                     Header("content-type", kMediaType),
                                     Header("content-length", length),
                                     Header("user-agent", "breakwater")};
  const MessageOrigin origin = std::exchange(origin_, {});
  const std::string client = origin.client.ToString();
  const std::string port = std::to_string(origin.client.port());
  if (origin.client.IsSet()) {
    headers.push_back(Header("x-forwarded-for", client));
    headers.push_back(Header("x-forwarded-port", port));
    headers.push_back(Header("x-forwarded-proto", origin.transport));
  }
  nghttp2_data_provider body{};
  body.read_callback = &Callbacks::ReadQuery;
  const int32_t id =
      nghttp2_submit_request(session_, nullptr, headers.data(), headers.size(), &body, nullptr);
  if (id < 0) return false;
  unsent_ += size;
  requests_.emplace(id, std::move(request));
  return true;
}

void DohStream::Answered(Request& request) {
  if (request.ok && request.is_dns && !request.too_long &&
      request.answer.size() >= dns::kHeaderSize) {
    return Deliver(request.answer);
  }
  const auto question = dns::ParseQuestion(request.query);
  std::vector<uint8_t> failed(
      request.query.begin(),
      request.query.begin() +
          static_cast<ptrdiff_t>(question ? question->end() : dns::kHeaderSize));
  dns::Header header(failed.data());
  header.Set(dns::kFlagQr, true);
  header.set_rcode(dns::RCode::kServFail);
  for (const auto section :
       {dns::Section::kAnswer, dns::Section::kAuthority, dns::Section::kAdditional}) {
    header.set_count(section, 0);
  }
  Deliver(failed);
}

void DohStream::Deliver(std::span<const uint8_t> message) {
  std::array<uint8_t, kFrameLengthSize> prefix;
  PutFrameLength(message.size(), prefix.data());
  inbox_.insert(inbox_.end(), prefix.begin(), prefix.end());
  inbox_.insert(inbox_.end(), message.begin(), message.end());
}

void DohStream::OnReadable() {
  std::array<uint8_t, kReadChunk> room;
  const ReadResult read = stream_->Read(room);
  switch (read.status) {
    case ReadStatus::kNothing:
      return;
    case ReadStatus::kBroken:
      return Break(std::string(stream_->failure()));
    case ReadStatus::kEnd:
      ended_ = true;
      return Notify();
    case ReadStatus::kData:
      break;
  }
  const ssize_t taken = nghttp2_session_mem_recv(session_, room.data(), read.bytes);
  if (taken < 0) return Break(nghttp2_strerror(static_cast<int>(taken)));
  if (Flush() == FlushStatus::kBroken) return Break(std::string(stream_->failure()));
  const bool over =
      nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  // Nothing is left to wait for.
  if (over || (going_away_ && requests_.empty())) ended_ = true;
  if (!inbox_.empty() || ended_) Notify();
}

// Calls the handler, which may destroy this stream.
void DohStream::Notify() {
  if (!reading_) return;
  const std::shared_ptr<bool> alive = alive_;
  handler_.OnReadable();
  if (!*alive || !reading_ || (inbox_.empty() && !ended_) || notify_ != 0) return;
  notify_ = loop_.timers().Add(loop_.now(), [this] {
    notify_ = 0;
    Notify();
  });
}

Stream::ReadResult DohStream::Read(std::span<uint8_t> room) {
  if (inbox_read_ < inbox_.size()) {
    const size_t size = std::min(room.size(), inbox_.size() - inbox_read_);
    std::memcpy(room.data(), inbox_.data() + inbox_read_, size);
    inbox_read_ += size;
    if (inbox_read_ == inbox_.size()) {
      inbox_.clear();
      inbox_read_ = 0;
    }
    return {ReadStatus::kData, size, 0};
  }
  if (broken_) return {ReadStatus::kBroken, 0, EPROTO};
  return {ended_ ? ReadStatus::kEnd : ReadStatus::kNothing, 0, 0};
}

bool DohStream::Pump() {
  for (;;) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) return false;
    if (size == 0) return true;
    const auto count = static_cast<size_t>(size);
    PacketBuffer copy = packets_.Get(count);
    std::memcpy(copy.data(), bytes, count);
    if (!stream_->QueueBytes(std::move(copy), count)) return false;
  }
}

Stream::FlushStatus DohStream::Flush() {
  if (broken_) return FlushStatus::kBroken;
  if (!open_) return requests_.empty() ? FlushStatus::kDone : FlushStatus::kBlocked;
  if (!Pump()) return FlushStatus::kBroken;
  return stream_->Flush();
}

void DohStream::PauseReading() {
  reading_ = false;
  stream_->PauseReading();
}

void DohStream::ResumeReading() {
  reading_ = true;
  stream_->ResumeReading();
  if (inbox_.empty() || notify_ != 0) return;
  notify_ = loop_.timers().Add(loop_.now(), [this] {
    notify_ = 0;
    Notify();
  });
}

void DohStream::ShutDownWriting() {
  if (open_ && !broken_) {
    nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
    (void)Flush();
  }
  stream_->ShutDownWriting();
}

void DohStream::OnWriteProgress() {
  handler_.OnWriteProgress();
}

void DohStream::OnBroken(int error) {
  broken_ = true;
  handler_.OnBroken(error);
}

void DohStream::Break(std::string reason) {
  broken_ = true;
  failure_ = std::move(reason);
  handler_.OnBroken(EPROTO);
}

std::string_view DohStream::failure() const {
  return failure_.empty() ? stream_->failure() : std::string_view(failure_);
}

}  // namespace breakwater
