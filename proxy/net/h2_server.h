// HTTP/2 (RFC 9113) on nghttp2: one server session. What a client may cost is bounded: requests in
// progress, also those it took back (rapid reset), the bytes of their headers and bodies, and
// frames that ask for nothing.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <utility>
#include <vector>

#include "proxy/net/http_session.h"

namespace breakwater {

class H2Server final : public HttpSession {
 public:
  // `handler` must outlive the session.
  H2Server(HttpHandler& handler, const HttpLimits& limits);
  ~H2Server() override;

  HttpVersion version() const override { return HttpVersion::kHttp2; }
  bool Feed(std::span<const uint8_t> bytes, MonoTime now) override;
  void Respond(uint32_t stream, HttpResponse response) override;
  void Refuse(uint32_t stream) override;
  bool Awaits(uint32_t stream) const override;
  std::span<const uint8_t> NextOutput() override;
  void StopTaking() override;
  bool WantsInput() const override { return true; }
  bool Over() const override;
  size_t held_bytes() const override { return held_bytes_; }
  size_t unfinished() const override { return unfinished_.size(); }
  bool Failed() const override { return failed_; }
  uint64_t TakeRefused() override { return std::exchange(refused_, 0); }
  void ResetUnfinished(MonoTime since) override;

  // Requests that were delivered and neither answered nor refused, whether their streams live or
  // not.
  size_t in_progress() const { return in_progress_; }

 private:
  struct Stream;
  struct Callbacks;

  int OnBeginHeaders(const nghttp2_frame& frame);
  int OnHeader(Stream& stream, std::string_view name, std::string_view value);
  int OnData(int32_t id, std::string_view bytes);
  void OnFrame(const nghttp2_frame& frame);
  void OnSent(const nghttp2_frame& frame);
  void OnClose(int32_t id, uint32_t error);
  bool Pay(unsigned frames);
  void KeepHeader(Stream& stream, std::string_view name, std::string_view value);
  void Deliver(Stream& stream, uint16_t error);
  void ReleaseRequest(Stream& stream);
  void ReleaseResponse(Stream& stream);
  Stream* Find(int32_t id) const;
  ssize_t ReadBody(Stream& stream, std::span<uint8_t> room, uint32_t* flags);

  HttpHandler& handler_;
  const HttpLimits limits_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> unfinished_;  // oldest first
  size_t in_progress_ = 0;
  uint64_t refused_ = 0;
  size_t request_bytes_ = 0;  // of requests not delivered
  size_t held_bytes_ = 0;
  MonoTime now_;
  MonoTime paid_at_;
  double credit_;
  bool stopping_ = false;
  bool failed_ = false;     // the client was told of an error
  bool condemned_ = false;  // it cost too much
};

}  // namespace breakwater
