// One client connection that speaks DNS over HTTPS (RFC 8484). Over TLS it is HTTP/2 and must have
// been agreed on (ALPN), in the clear HTTP/2 or HTTP/1.1 as reverse proxies speak it, told apart by
// the first bytes. Makes a query of each request, a response of
// each answer. An idle connection has no buffer of its own.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "proxy/listen/client_connection.h"
#include "proxy/net/http_session.h"
#include "proxy/query/doh_frontend.h"

namespace breakwater {

class DohConnection final : public ClientConnection, public HttpHandler {
 public:
  DohConnection(ClientHost& host, AcceptedConnection connection, const ReturnPath& path);

  void Start() override;
  void StopReading() override;
  void OnAnswer(QueryPtr query) override;
  void OnDrop(const Query& query, DropReason reason) override;
  bool Awaits(const ReturnPath& path) const override;
  void OnTurnEnd() override;
  void OnSchedule() override;

 private:
  void OnReadable() override;
  void OnWritten() override;
  MonoTime Deadline() const override;
  void OnRequest(uint32_t stream, HttpRequest request) override;

  void OnPeerEnd() override;
  void OnEnding() override;
  void Take(std::span<const uint8_t> bytes);
  bool ChooseVersion(std::span<const uint8_t>* bytes);
  bool AgreedOnHttp2() const;
  void RefuseVersion();
  void Feed(std::span<const uint8_t> bytes);
  std::optional<uint16_t> Reason(const HttpRequest& request, Address* client);
  bool MayAsk(const Address& client) const;
  bool IsOurPath(std::string_view path) const;
  void Ask(uint32_t stream, HttpRequest request, const Address& client);
  std::optional<size_t> ReadMessage(const HttpRequest& request, std::span<uint8_t> room) const;
  void Respond(uint32_t stream, HttpResponse response);
  void RespondStatus(uint32_t stream, uint16_t status);
  bool PutOut();
  void Settle();

  DohFrontend& doh() const { return *frontend().doh; }
  MonoTime IdleDeadline() const;
  void NoteHeld();

  std::unique_ptr<HttpSession> session_;  // once the version is known
  std::array<uint8_t, 4> first_bytes_{};  // until then
  uint8_t first_count_ = 0;
  uint32_t in_flight_ = 0;
  size_t held_ = 0;  // bytes of answers in the session
  MonoTime held_since_;
  bool stopping_ = false;    // no further requests
  bool peer_ended_ = false;  // the client sends no more
  bool feeding_ = false;     // within Feed(): requests and answers come from within
  bool broken_ = false;      // what the client sends cannot be understood any more
};

}  // namespace breakwater
