// HTTP as a server speaks it on one connection, whichever version: bytes in, requests out; answers
// in, bytes out. No sockets, no clock but the one it is told. Owned by its connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"

namespace breakwater {

using HttpFields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

enum class HttpVersion : uint8_t { kHttp1, kHttp2 };
enum class HttpMethod : uint8_t { kGet, kPost, kOther };

struct HttpRequest {
  uint16_t error = 0;  // a status: the request is not to be served, and may be incomplete
  HttpMethod method = HttpMethod::kOther;
  std::string target;  // path and query string
  std::string scheme;
  std::string host;
  std::string content_type;
  std::string forwarded_for;  // the last x-forwarded-for
  HttpFields headers;         // where they are kept; the first of each name
  std::string body;
};

struct HttpResponse {
  uint16_t status = 200;
  HttpFields headers;  // content-length is written by the session
  std::string body;    // of its own size: many may wait for a client
};

struct HttpLimits {
  uint32_t streams = 100;  // requests at a time
  size_t target = 16384;
  size_t header_bytes = 32768;
  size_t headers = 256;
  size_t body = 65535;
  bool keep_headers = false;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // May answer at once. Comes from within Feed().
  virtual void OnRequest(uint32_t stream, HttpRequest request) = 0;
};

class HttpSession {
 public:
  virtual ~HttpSession() = default;
  virtual HttpVersion version() const = 0;
  // False where nothing that follows could be understood, or the client misbehaves: what is to be
  // sent yet says so, and the connection is to end after it.
  virtual bool Feed(std::span<const uint8_t> bytes, MonoTime now) = 0;
  // Each request is answered or refused once, whether or not its client still waits.
  virtual void Respond(uint32_t stream, HttpResponse response) = 0;
  virtual void Refuse(uint32_t stream) = 0;
  // Whether the client still waits for that answer.
  virtual bool Awaits(uint32_t stream) const = 0;
  // The next bytes to send, good until the next call of anything; empty where there is nothing.
  virtual std::span<const uint8_t> NextOutput() = 0;
  // No further requests; the client is told.
  virtual void StopTaking() = 0;
  // Whether Feed() may be called: HTTP/1 takes one request at a time.
  virtual bool WantsInput() const = 0;
  // Whether there is input that waited for an answer: call Feed() without any.
  virtual bool HasInput() const { return false; }
  // All was said on both sides.
  virtual bool Over() const = 0;
  // It ends for an error of the client's that Feed() did not tell of.
  virtual bool Failed() const { return false; }
  // Memory of answers that wait to be put out.
  virtual size_t held_bytes() const = 0;
  // Requests of which a part is missing.
  virtual size_t unfinished() const = 0;
  // Requests refused for a limit, or given up unfinished, since this was last called.
  virtual uint64_t TakeRefused() = 0;
  // Gives up requests that are unfinished since before `since`.
  virtual void ResetUnfinished(MonoTime since) = 0;
};

std::string_view HttpReason(uint16_t status);
// Answers of other statuses end with their header: nothing that follows is theirs (RFC 9112, 6.3).
bool HttpHasContent(uint16_t status);

}  // namespace breakwater
