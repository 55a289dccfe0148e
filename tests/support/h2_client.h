// A client of HTTP/2 in memory, made on nghttp2's client side: what it has to send is taken from
// it, what a server sends is given to it.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <span>
#include <string>
#include <vector>

namespace breakwater {

class H2Client {
 public:
  struct Response {
    std::string status;
    std::map<std::string, std::string> headers;
    std::string body;
    bool ended = false;
    bool reset = false;
    uint32_t error = 0;
  };
  using Fields = std::vector<std::pair<std::string, std::string>>;

  explicit H2Client(uint32_t window = 65535) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnClose);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
    nghttp2_session_client_new(&session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(session, 0, &entry, 1);
  }
  ~H2Client() { nghttp2_session_del(session); }
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  int32_t Get(const std::string& path, const Fields& more = {}) {
    Fields fields = {
        {":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", path}};
    fields.insert(fields.end(), more.begin(), more.end());
    return Submit(fields, nullptr);
  }
  // Without `end` the body stays open.
  int32_t Post(const std::string& body, bool end = true) {
    bodies_.push_back({body, 0, end});
    const nghttp2_data_provider provider{{.ptr = reinterpret_cast<void*>(bodies_.size() - 1)},
                                         &ReadBody};
    return Submit({{":method", "POST"},
                   {":scheme", "https"},
                   {":authority", "a.test"},
                   {":path", "/dns-query"}},
                  &provider);
  }
  int32_t Submit(const Fields& fields, const nghttp2_data_provider* body) {
    std::vector<nghttp2_nv> list;
    for (const auto& [name, value] : fields) {
      list.push_back({Bytes(name), Bytes(value), name.size(), value.size(), 0});
    }
    return nghttp2_submit_request(session, nullptr, list.data(), list.size(), body, nullptr);
  }
  std::string TakeOutput() {
    std::string all;
    const uint8_t* bytes = nullptr;
    for (ssize_t size = 1; (size = nghttp2_session_mem_send(session, &bytes)) > 0;) {
      all.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
    return all;
  }
  bool Give(std::span<const uint8_t> bytes) {
    return nghttp2_session_mem_recv(session, bytes.data(), bytes.size()) >= 0;
  }

  nghttp2_session* session = nullptr;
  std::map<int32_t, Response> responses;
  bool goaway = false;
  uint32_t goaway_error = 0;

 private:
  struct Body {
    std::string text;
    size_t sent;
    bool end;
  };
  static H2Client& Self(void* user) { return *static_cast<H2Client*>(user); }
  static uint8_t* Bytes(const std::string& text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    Response& response = Self(user).responses[frame->hd.stream_id];
    const std::string key(reinterpret_cast<const char*>(name), name_size);
    const std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") response.status = text;
    response.headers[key] = text;
    return 0;
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                    void* user) {
    Self(user).responses[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    Response& response = Self(user).responses[id];
    response.ended = true;
    response.reset = error != NGHTTP2_NO_ERROR;
    response.error = error;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_GOAWAY) return 0;
    Self(user).goaway = true;
    Self(user).goaway_error = frame->goaway.error_code;
    return 0;
  }
  static ssize_t ReadBody(nghttp2_session*, int32_t, uint8_t* room, size_t size, uint32_t* flags,
                          nghttp2_data_source* source, void* user) {
    Body& body = Self(user).bodies_[reinterpret_cast<size_t>(source->ptr)];
    const size_t count = std::min(size, body.text.size() - body.sent);
    std::copy_n(body.text.data() + body.sent, count, room);
    body.sent += count;
    if (body.sent < body.text.size()) return static_cast<ssize_t>(count);
    if (body.end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!body.end && count == 0) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(count);
  }

  std::vector<Body> bodies_;
};

}  // namespace breakwater
