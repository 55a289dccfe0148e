// HTTP/1.0 and 1.1 (RFC 9112), as much of it as reverse proxies speak to a server behind them: GET
// and POST with a content-length or in chunks, one request at a time, connections kept.
#pragma once

#include <string>
#include <utility>

#include "proxy/net/http1_chunks.h"
#include "proxy/net/http_session.h"

namespace breakwater {

class Http1Server final : public HttpSession {
 public:
  // `handler` must outlive the session. Over TLS there is no HTTP/1.1: the scheme is "http".
  Http1Server(HttpHandler& handler, const HttpLimits& limits);

  HttpVersion version() const override { return HttpVersion::kHttp1; }
  bool Feed(std::span<const uint8_t> bytes, MonoTime now) override;
  void Respond(uint32_t stream, HttpResponse response) override;
  void Refuse(uint32_t stream) override;
  bool Awaits(uint32_t stream) const override { return waiting_ && stream == stream_; }
  std::span<const uint8_t> NextOutput() override;
  void StopTaking() override;
  bool WantsInput() const override {
    return !waiting_ && !closing_ && output_.size() < kMostOutput;
  }
  bool HasInput() const override { return WantsInput() && fresh_; }
  bool Over() const override { return closing_ && !waiting_ && output_.empty(); }
  size_t held_bytes() const override { return output_.size(); }
  size_t unfinished() const override { return waiting_ || (input_.empty() && !in_body_) ? 0 : 1; }
  uint64_t TakeRefused() override { return std::exchange(refused_, 0); }
  void ResetUnfinished(MonoTime since) override;

 private:
  enum class Step : uint8_t { kMore, kDone, kBad };
  Step TakeHead();
  Step TakeBody();
  Step TakeChunks();
  bool ParseHead(std::string_view head);
  bool ParseRequestLine(std::string_view line);
  bool ParseField(std::string_view line);
  bool TakeField(std::string name, std::string_view value);
  void Deliver();
  Step Reject(uint16_t status);

  HttpHandler& handler_;
  const HttpLimits limits_;
  std::string input_;
  // Above this no further request is taken off the input.
  static constexpr size_t kMostOutput = size_t{64} << 10;
  std::string output_;
  std::string sent_;  // what NextOutput() gave last
  HttpRequest request_;
  MonoTime began_;
  Http1Chunks chunks_;
  size_t body_size_ = 0;
  size_t fields_ = 0;
  uint64_t refused_ = 0;
  uint32_t stream_ = 0;
  bool in_body_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
  bool http10_ = false;
  bool keep_ = true;       // the connection, after this request
  bool head_ = false;      // the answer has no body
  bool waiting_ = false;   // for the answer
  bool closing_ = false;   // no further request
  bool fresh_ = false;     // input_ was not looked at since the last answer
  bool continue_ = false;  // the client waits for "100 Continue"
};

}  // namespace breakwater
