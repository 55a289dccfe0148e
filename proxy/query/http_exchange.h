// The HTTP side of a query that came over HTTPS: what was asked, and what rules want answered in
// place of a DNS message. Owned by its query.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace breakwater {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct HttpExchange {
  // --- as the client sent it
  std::string path;   // without the query string
  std::string query;  // with its "?"; empty for none
  std::string host;
  std::string scheme;
  HttpHeaders headers;  // kept with keepIncomingHeaders alone; the first of each name

  // --- HTTPStatusAction, dq:setHTTPResponse(); status 0: the DNS answer is sent
  uint16_t status = 0;
  std::string body;
  std::string content_type;
};

}  // namespace breakwater
