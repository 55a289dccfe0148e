#include "proxy/net/http1_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

constexpr size_t kMostHead = 8192;

bool IsTokenChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool IsTargetChar(char c) {
  return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
}
// Text of a field: anything but what could end a line or a string.
bool IsFieldChar(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (ToLowerAscii(TrimSpace(list.substr(0, comma))) == token) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

std::string_view HttpReason(uint16_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

bool HttpHasContent(uint16_t status) {
  return status >= 200 && status != 204 && status != 304;
}

Http1Server::Http1Server(HttpHandler& handler, const HttpLimits& limits)
    : handler_(handler), limits_(limits) {}

bool Http1Server::Feed(std::span<const uint8_t> bytes, MonoTime now) {
  if (input_.empty() && !in_body_) began_ = now;
  input_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  fresh_ = true;
  while (WantsInput() && fresh_) {
    const Step step = in_body_ ? TakeBody() : TakeHead();
    if (step == Step::kBad) return false;
    if (step == Step::kMore) fresh_ = false;
    if (step == Step::kDone && !input_.empty()) began_ = now;
  }
  if (closing_ && !waiting_) input_.clear();
  return true;
}

Http1Server::Step Http1Server::TakeHead() {
  // An empty line or two between requests does no harm (RFC 9112, 2.2).
  const size_t start = input_.find_first_not_of("\r\n");
  input_.erase(0, std::min(start, input_.size()));
  const size_t end = input_.find("\r\n\r\n");
  if (std::min(end, input_.size()) > kMostHead) return Reject(431);
  if (end == std::string::npos) return Step::kMore;
  request_ = {};
  request_.scheme = "http";
  body_size_ = fields_ = 0;
  has_length_ = chunked_ = continue_ = false;
  if (!ParseHead(std::string_view(input_).substr(0, end))) {
    return Reject(request_.error == 0 ? uint16_t{400} : request_.error);
  }
  input_.erase(0, end + 4);
  in_body_ = true;
  chunks_.Begin(limits_.body);
  if (continue_ && (chunked_ ? input_.empty() : input_.size() < body_size_))
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  return TakeBody();
}

Http1Server::Step Http1Server::TakeBody() {
  if (chunked_) return TakeChunks();
  if (input_.size() < body_size_) return Step::kMore;
  request_.body = input_.substr(0, body_size_);
  input_.erase(0, body_size_);
  in_body_ = false;
  Deliver();
  return Step::kDone;
}

Http1Server::Step Http1Server::TakeChunks() {
  switch (chunks_.Take(&input_, &request_.body)) {
    case Http1Chunks::Step::kMore:
      return Step::kMore;
    case Http1Chunks::Step::kBad:
      return Reject(400);
    case Http1Chunks::Step::kTooLarge:
      return Reject(413);
    case Http1Chunks::Step::kDone:
      break;
  }
  in_body_ = false;
  Deliver();
  return Step::kDone;
}

void Http1Server::Deliver() {
  waiting_ = true;
  if (!keep_) closing_ = true;
  handler_.OnRequest(++stream_, std::exchange(request_, {}));
}

// Where the next request would begin cannot be told any more.
Http1Server::Step Http1Server::Reject(uint16_t status) {
  request_ = {};
  request_.error = status;
  keep_ = in_body_ = false;
  input_.clear();
  Deliver();
  return Step::kBad;
}

bool Http1Server::ParseHead(std::string_view head) {
  const size_t line_end = std::min(head.find("\r\n"), head.size());
  if (!ParseRequestLine(head.substr(0, line_end))) return false;
  head.remove_prefix(std::min(line_end + 2, head.size()));
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    if (!ParseField(head.substr(0, end))) return false;
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  // Two ways to tell the length are two messages to those who disagree (RFC 9112, 6.1).
  if (has_length_ && chunked_) return false;
  if (request_.method == HttpMethod::kPost && !has_length_ && !chunked_) request_.error = 411;
  // What a body means to it is not known here: where the next one begins, client and we might
  // disagree.
  if (request_.method == HttpMethod::kOther) keep_ = false;
  return request_.error == 0;
}

bool Http1Server::ParseRequestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (method.empty() || !std::all_of(method.begin(), method.end(), IsTokenChar)) return false;
  if (target.empty() || !std::all_of(target.begin(), target.end(), IsTargetChar)) return false;
  if (!version.starts_with("HTTP/") || version.size() != 8 || version[6] != '.') return false;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    request_.error = 505;
    return false;
  }
  http10_ = version == "HTTP/1.0";
  keep_ = !http10_;
  if (method == "GET") request_.method = HttpMethod::kGet;
  if (method == "POST") request_.method = HttpMethod::kPost;
  head_ = method == "HEAD";
  request_.target = target;
  return true;
}

bool Http1Server::ParseField(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = TrimSpace(line.substr(colon + 1));
  if (!std::all_of(name.begin(), name.end(), IsTokenChar)) return false;
  if (!std::all_of(value.begin(), value.end(), IsFieldChar)) return false;
  if (++fields_ > limits_.headers) {
    request_.error = 431;
    return false;
  }
  return TakeField(ToLowerAscii(name), value);
}

bool Http1Server::TakeField(std::string name, std::string_view value) {
  if (name == "content-length") {
    size_t size = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
    const bool number = error == std::errc() && end == value.data() + value.size();
    // Two lengths are two messages to those who disagree (RFC 9112, 6.3).
    if (!number || has_length_) return false;
    if (size > limits_.body) request_.error = 413;
    has_length_ = true;
    body_size_ = size;
  } else if (name == "transfer-encoding") {
    // Chunks came with HTTP/1.1; no other coding is known.
    if (http10_ || chunked_) return false;
    if (ToLowerAscii(value) != "chunked") request_.error = 501;
    chunked_ = true;
  } else if (name == "connection") {
    if (HasToken(value, "close")) keep_ = false;
    if (HasToken(value, "keep-alive")) keep_ = true;
  } else if (name == "expect") {
    continue_ = ToLowerAscii(value) == "100-continue";
  } else if (name == "host") {
    request_.host = value;
  } else if (name == "content-type") {
    request_.content_type = value;
  } else if (name == "x-forwarded-for") {
    request_.forwarded_for = value;
  }
  if (request_.error != 0) return false;
  if (limits_.keep_headers) {
    HttpFields& kept = request_.headers;
    const auto same = [&](const auto& field) { return field.first == name; };
    if (std::none_of(kept.begin(), kept.end(), same)) kept.emplace_back(std::move(name), value);
  }
  return true;
}

void Http1Server::Respond(uint32_t stream, HttpResponse response) {
  if (!Awaits(stream)) return;
  waiting_ = false;
  output_ += fmt::format("HTTP/1.1 {} {}\r\n", response.status, HttpReason(response.status));
  for (const auto& [name, value] : response.headers) output_ += name + ": " + value + "\r\n";
  // A 204 must not tell one, and of a 304 it would be that of the page the client has (RFC 9110,
  // 8.6).
  const bool has_content = HttpHasContent(response.status);
  if (has_content) output_ += fmt::format("content-length: {}\r\n", response.body.size());
  output_ += closing_ ? "connection: close\r\n\r\n" : "connection: keep-alive\r\n\r\n";
  if (has_content && !head_) output_ += response.body;
  fresh_ = !input_.empty();
}

void Http1Server::Refuse(uint32_t stream) {
  if (!Awaits(stream)) return;
  waiting_ = false;
  closing_ = true;
}

std::span<const uint8_t> Http1Server::NextOutput() {
  sent_ = std::exchange(output_, {});
  return {reinterpret_cast<const uint8_t*>(sent_.data()), sent_.size()};
}

void Http1Server::StopTaking() {
  closing_ = true;
}

void Http1Server::ResetUnfinished(MonoTime since) {
  if (unfinished() == 0 || began_ >= since || std::exchange(closing_, true)) return;
  ++refused_;
}

}  // namespace breakwater
