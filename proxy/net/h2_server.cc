#include "proxy/net/h2_server.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "proxy/net/h2_limits.h"
#include "proxy/net/lazy_rooms.h"

namespace breakwater {

struct H2Server::Stream {
  int32_t id = 0;
  MonoTime began;
  HttpRequest request;
  size_t header_bytes = 0;
  size_t headers = 0;
  size_t unconsumed = 0;  // of its body, of the connection's window
  bool head = false;      // the method, whose answer has no body
  bool finished = false;  // the client has sent all
  bool delivered = false;
  bool answered = false;
  bool refused = false;
  std::string status;
  std::string length;
  HttpResponse response;
  size_t sent = 0;
};

// nghttp2 calls functions; each finds its session in `user`.
struct H2Server::Callbacks {
  static H2Server& Self(void* user) { return *static_cast<H2Server*>(user); }
  static std::string_view View(const uint8_t* text, size_t size) {
    return {reinterpret_cast<const char*>(text), size};
  }
  static int BeginFrame(nghttp2_session*, const nghttp2_frame_hd*, void* user) {
    return Self(user).Pay(1) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return Self(user).OnBeginHeaders(*frame);
  }
  static int Header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* user) {
    Stream* const stream = Self(user).Find(frame->hd.stream_id);
    // Trailers must not put others in the place of what a proxy in front has written.
    const bool trailer =
        frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat != NGHTTP2_HCAT_REQUEST;
    if (stream == nullptr || stream->delivered || trailer) return 0;
    return Self(user).OnHeader(*stream, View(name, name_size), View(value, value_size));
  }
  static int Data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                  void* user) {
    return Self(user).OnData(id, View(data, size));
  }
  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnFrame(*frame);
    return 0;
  }
  static int Sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnSent(*frame);
    return 0;
  }
  static int Unknown(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
    return NGHTTP2_ERR_CANCEL;
  }
  static int Close(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    Self(user).OnClose(id, error);
    return 0;
  }
  static int Invalid(nghttp2_session*, const nghttp2_frame*, int error, void* user) {
    if (error == NGHTTP2_ERR_REFUSED_STREAM) ++Self(user).refused_;
    return Self(user).Pay(h2::kResetCost) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  static ssize_t Body(nghttp2_session*, int32_t, uint8_t* room, size_t size, uint32_t* flags,
                      nghttp2_data_source* source, void* user) {
    return Self(user).ReadBody(*static_cast<Stream*>(source->ptr), {room, size}, flags);
  }
  static nghttp2_session_callbacks* Make() {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) std::abort();  // out of memory
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, &BeginFrame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, &BeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(made, &Header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &Data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, &Frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, &Sent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, &Invalid);
    nghttp2_session_callbacks_set_unpack_extension_callback(made, &Unknown);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, &Close);
    return made;
  }
};

H2Server::H2Server(HttpHandler& handler, const HttpLimits& limits)
    : handler_(handler), limits_(limits), credit_(h2::kMostCredit) {
  static nghttp2_session_callbacks* const callbacks = Callbacks::Make();
  if (nghttp2_session_server_new3(&session_, callbacks, this, h2::Options(),
                                  LazyRooms::ForSessions()) != 0) {
    std::abort();  // out of memory
  }
  const std::array<nghttp2_settings_entry, 3> settings = {
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_bytes)},
       {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}}};
  (void)nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  (void)nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                              h2::kConnectionWindow);
}

H2Server::~H2Server() {
  nghttp2_session_del(session_);
}

bool H2Server::Feed(std::span<const uint8_t> bytes, MonoTime now) {
  now_ = now;
  if (condemned_) return false;
  const ssize_t taken = nghttp2_session_mem_recv(session_, bytes.data(), bytes.size());
  if (condemned_) {
    (void)nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    return false;
  }
  return taken >= 0;
}

// A frame costs one, what asks for an answer gives some; what is spent comes back with time. So
// floods of pings, settings, empty or tiny frames, resets end, and no client in its senses notices.
bool H2Server::Pay(unsigned frames) {
  const double seconds = static_cast<double>((now_ - paid_at_).ms()) / 1000;
  paid_at_ = now_;
  credit_ = std::min(h2::kMostCredit, credit_ + seconds * h2::kCreditPerSecond) - frames;
  if (credit_ < 0) condemned_ = true;
  return !condemned_;
}

H2Server::Stream* H2Server::Find(int32_t id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

bool H2Server::Awaits(uint32_t id) const {
  const Stream* const stream = Find(static_cast<int32_t>(id));
  return stream != nullptr && !stream->answered;
}

int H2Server::OnBeginHeaders(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  const int32_t id = frame.hd.stream_id;
  const bool full = in_progress_ + unfinished_.size() >= limits_.streams ||
                    request_bytes_ > h2::kMostRequestBytes || held_bytes_ > h2::kMostHeld;
  if (stopping_ || full) {
    return nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
  }
  auto made = std::make_unique<Stream>();
  made->id = id;
  made->began = now_;
  (void)nghttp2_session_set_stream_user_data(session_, id, made.get());
  unfinished_.push_back(made.get());
  streams_.push_back(std::move(made));
  return 0;
}

int H2Server::OnHeader(Stream& stream, std::string_view name, std::string_view value) {
  HttpRequest& request = stream.request;
  const size_t bytes = name.size() + value.size();
  stream.header_bytes += bytes;
  if (stream.header_bytes > limits_.header_bytes || ++stream.headers > limits_.headers) {
    condemned_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  request_bytes_ += bytes;
  if (name == ":path") {
    if (value.size() > limits_.target) {
      request.error = 414;
    } else {
      request.target = value;
    }
  } else if (name == ":method") {
    request.method = value == "GET"    ? HttpMethod::kGet
                     : value == "POST" ? HttpMethod::kPost
                                       : HttpMethod::kOther;
    stream.head = value == "HEAD";
  } else if (name == ":scheme") {
    request.scheme = value;
  } else if (name == ":authority" || (name == "host" && request.host.empty())) {
    request.host = value;
  } else if (name == "content-type") {
    request.content_type = value;
  } else if (name == "x-forwarded-for") {
    request.forwarded_for = value;
  }
  if (limits_.keep_headers) KeepHeader(stream, name, value);
  return 0;
}

void H2Server::KeepHeader(Stream& stream, std::string_view name, std::string_view value) {
  HttpFields& kept = stream.request.headers;
  const auto same = [&](const auto& field) { return field.first == name; };
  if (std::none_of(kept.begin(), kept.end(), same)) kept.emplace_back(name, value);
}

int H2Server::OnData(int32_t id, std::string_view bytes) {
  (void)nghttp2_session_consume_stream(session_, id, bytes.size());
  Stream* const stream = Find(id);
  if (stream == nullptr || stream->delivered) {
    (void)nghttp2_session_consume_connection(session_, bytes.size());
    return 0;
  }
  stream->unconsumed += bytes.size();
  request_bytes_ += bytes.size();
  if (stream->request.body.size() + bytes.size() > limits_.body) {
    Deliver(*stream, 413);
  } else {
    stream->request.body += bytes;
  }
  return 0;
}

void H2Server::OnFrame(const nghttp2_frame& frame) {
  const bool asks = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (!asks || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  Stream* const stream = Find(frame.hd.stream_id);
  if (stream == nullptr) return;
  stream->finished = true;
  if (!stream->delivered) Deliver(*stream, stream->request.error);
}

void H2Server::Deliver(Stream& stream, uint16_t error) {
  credit_ = std::min(h2::kMostCredit, credit_ + h2::kCreditPerRequest);
  stream.delivered = true;
  ++in_progress_;
  HttpRequest request = std::exchange(stream.request, {});
  ReleaseRequest(stream);
  request.error = error;
  handler_.OnRequest(static_cast<uint32_t>(stream.id), std::move(request));
}

// Once delivered, or never to be: its bytes are no longer ours, and the client may send as many.
void H2Server::ReleaseRequest(Stream& stream) {
  std::erase(unfinished_, &stream);
  request_bytes_ -= std::min(request_bytes_, stream.header_bytes + stream.unconsumed);
  stream.header_bytes = 0;
  (void)nghttp2_session_consume_connection(session_, std::exchange(stream.unconsumed, 0));
}

void H2Server::Respond(uint32_t id, HttpResponse response) {
  --in_progress_;
  Stream* const stream = Find(static_cast<int32_t>(id));
  if (stream == nullptr || stream->answered) return;
  stream->answered = true;
  stream->response = std::move(response);
  stream->status = std::to_string(stream->response.status);
  stream->length = std::to_string(stream->response.body.size());
  const bool has_content = HttpHasContent(stream->response.status);
  if (stream->head || !has_content) stream->response.body = {};
  held_bytes_ += stream->response.body.size();
  const auto bytes = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  // Nothing is copied: all of it lives as long as the stream.
  constexpr uint8_t kAsIs = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  std::vector<nghttp2_nv> fields;
  fields.reserve(stream->response.headers.size() + 2);
  const auto add = [&](std::string_view name, std::string_view value, uint8_t flags) {
    fields.push_back({bytes(name), bytes(value), name.size(), value.size(), flags});
  };
  add(":status", stream->status, kAsIs);
  // Those differ each time: not worth a place in the compressor's table, nor its memory.
  constexpr uint8_t kVaries = kAsIs | NGHTTP2_NV_FLAG_NO_INDEX;
  for (const auto& [name, value] : stream->response.headers) {
    add(name, value, name == "cache-control" ? kVaries : kAsIs);
  }
  if (has_content) add("content-length", stream->length, kVaries);
  const nghttp2_data_provider body{.source = {.ptr = stream}, .read_callback = &Callbacks::Body};
  (void)nghttp2_submit_response(session_, stream->id, fields.data(), fields.size(),
                                stream->response.body.size() == 0 ? nullptr : &body);
}

void H2Server::Refuse(uint32_t id) {
  --in_progress_;
  Stream* const stream = Find(static_cast<int32_t>(id));
  if (stream == nullptr || stream->answered) return;
  stream->answered = stream->refused = true;
  (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
}

ssize_t H2Server::ReadBody(Stream& stream, std::span<uint8_t> room, uint32_t* flags) {
  const size_t count = std::min(room.size(), stream.response.body.size() - stream.sent);
  std::memcpy(room.data(), stream.response.body.data() + stream.sent, count);
  stream.sent += count;
  if (stream.sent == stream.response.body.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    ReleaseResponse(stream);
  }
  return static_cast<ssize_t>(count);
}

void H2Server::ReleaseResponse(Stream& stream) {
  held_bytes_ -= stream.response.body.size();
  stream.response.body = {};
}

// Answered before all of the request was there: the rest is not wanted (RFC 9113, 8.1).
void H2Server::OnSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_GOAWAY && frame.goaway.error_code != NGHTTP2_NO_ERROR) {
    failed_ = true;
  }
  const bool ends = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (!ends || (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  const Stream* const stream = Find(frame.hd.stream_id);
  if (stream == nullptr || stream->finished) return;
  (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
}

void H2Server::OnClose(int32_t id, uint32_t error) {
  Stream* const stream = Find(id);
  if (stream == nullptr || !stream->delivered) ++refused_;
  if (stream == nullptr) return;
  if (error != NGHTTP2_NO_ERROR && !stream->refused) (void)Pay(h2::kResetCost);
  ReleaseRequest(*stream);
  ReleaseResponse(*stream);
  const auto same = [&](const auto& held) { return held.get() == stream; };
  const auto place = std::find_if(streams_.begin(), streams_.end(), same);
  std::swap(*place, streams_.back());
  streams_.pop_back();
}

std::span<const uint8_t> H2Server::NextOutput() {
  const uint8_t* bytes = nullptr;
  const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
  return size <= 0 ? std::span<const uint8_t>() : std::span(bytes, static_cast<size_t>(size));
}

void H2Server::StopTaking() {
  if (std::exchange(stopping_, true)) return;
  (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                              nullptr, 0);
}

bool H2Server::Over() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

void H2Server::ResetUnfinished(MonoTime since) {
  for (const Stream* stream : unfinished_) {
    if (stream->began >= since) break;
    (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
  }
}

}  // namespace breakwater
