#include "proxy/listen/doh_response.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/base/text.h"
#include "proxy/dns/record_walker.h"

namespace breakwater {
namespace {

constexpr std::string_view kDnsMessage = "application/dns-message";
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

// RFC 8484, 5.1: fresh for no longer than the shortest of the records. The TTL of OPT is none.
std::optional<uint32_t> LowestTtl(const Query& query) {
  std::optional<uint32_t> lowest;
  dns::RecordWalker walker(query.message(), query.records_start());
  while (walker.Next()) {
    if (walker.record().type == dns::Type::kOpt) continue;
    lowest = std::min(lowest.value_or(walker.record().ttl), walker.record().ttl);
  }
  return lowest;
}

// Up to the first byte that could end the header's line: contents may be made of a client's text.
std::string_view HeaderText(std::string_view text) {
  const auto end = std::find_if(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  return text.substr(0, static_cast<size_t>(end - text.begin()));
}

// 200 in the type given, 3xx with the content as place to go to, else plain text. Nothing where
// the status does not allow it.
void PutContent(HttpResponse& response, std::string_view content, std::string_view type) {
  if (!HttpHasContent(response.status)) return;
  HttpFields& headers = response.headers;
  if (response.status >= 300 && response.status < 400) {
    headers.emplace_back("location", HeaderText(content));
    headers.emplace_back("content-type", "text/html; charset=utf-8");
    response.body = "<!DOCTYPE html><title>Moved</title><p>The page has moved.</p>";
    return;
  }
  if (response.status == 200) {
    if (!type.empty()) headers.emplace_back("content-type", HeaderText(type));
  } else {
    headers.emplace_back("content-type", kPlainText);
  }
  response.body = content;
}

std::string_view StatusText(uint16_t status) {
  switch (status) {
    case 400:
      return "not a DNS query";
    case 403:
      return "not allowed";
    case 404:
      return "there is nothing here";
    case 502:
      return "no answer from a nameserver";
    default:
      return HttpReason(status);
  }
}

}  // namespace

HttpResponse AnswerResponse(const Query& query, const DohSettings& settings) {
  HttpResponse response;
  response.headers.reserve(settings.response_headers.size() + 2);
  response.headers = settings.response_headers;
  if (const HttpExchange* http = query.http.get(); http != nullptr && http->status != 0) {
    response.status = http->status;
    const std::string_view type =
        http->content_type.empty() ? kDnsMessage : std::string_view(http->content_type);
    PutContent(response, http->body, type);
    return response;
  }
  response.headers.emplace_back("content-type", kDnsMessage);
  if (settings.cache_control) {
    if (const auto ttl = LowestTtl(query)) {
      response.headers.emplace_back("cache-control", fmt::format("max-age={}", *ttl));
    }
  }
  response.body.assign(reinterpret_cast<const char*>(query.data), query.size);
  return response;
}

HttpResponse StatusResponse(uint16_t status, const DohSettings& settings) {
  HttpResponse response{.status = status, .headers = settings.response_headers};
  response.headers.emplace_back("content-type", kPlainText);
  response.body = StatusText(status);
  return response;
}

std::optional<HttpResponse> MappedResponse(const DohResponses& map, std::string_view path,
                                           const DohSettings& settings) {
  const auto found = std::find_if(map.begin(), map.end(), [&](const auto& entry) {
    return re2::RE2::PartialMatch(re2::StringPiece(path.data(), path.size()), *entry->path);
  });
  if (found == map.end()) return std::nullopt;
  const DohResponse& entry = **found;
  HttpResponse response;
  response.status = entry.status;
  response.headers = entry.has_headers ? entry.headers : settings.response_headers;
  PutContent(response, entry.content, {});
  return response;
}

std::string VersionRefusal(WallTime now) {
  constexpr std::string_view kBody =
      "<html><body>DNS over HTTPS is served over HTTP/2 here: offer h2 by ALPN.</body></html>\n";
  return fmt::format(
      "HTTP/1.1 505 {}\r\nConnection: Close\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n"
      "Content-Type: text/html\r\nContent-Length: {}\r\n\r\n{}",
      HttpReason(505), fmt::gmtime(static_cast<std::time_t>(now.seconds)), kBody.size(), kBody);
}

uint16_t DropStatus(DropReason reason) {
  switch (reason) {
    case DropReason::kRule:
      return 403;
    case DropReason::kInvalid:
      return 400;
    default:
      return 502;
  }
}

bool IsDnsContentType(std::string_view type) {
  return type.empty() || ToLowerAscii(TrimSpace(type.substr(0, type.find(';')))) == kDnsMessage;
}

void CountResponse(DohCounters& counters, HttpVersion version, uint16_t status) {
  using Status = DohCounters::Status;
  const auto kind = [&] {
    switch (status) {
      case 200:
        return Status::k200;
      case 400:
        return Status::k400;
      case 403:
        return Status::k403;
      case 500:
        return Status::k500;
      case 502:
        return Status::k502;
      default:
        return Status::kOther;
    }
  }();
  counters.by_status[version == HttpVersion::kHttp2 ? 1 : 0][kind].Add();
  if (status < 300) {
    counters.valid_responses.Add();
  } else {
    (status < 400 ? counters.redirect_responses : counters.error_responses).Add();
  }
}

}  // namespace breakwater
