// A request to the web server and its answer, for whoever answers it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace breakwater {

using WebFields = std::vector<std::pair<std::string, std::string>>;

struct WebRequest {
  std::string method;
  std::string path;     // decoded, without the query
  WebFields arguments;  // of the query, decoded
  std::string body;
  int version = 11;   // HTTP/1.1; 10: HTTP/1.0
  WebFields headers;  // names in lower case

  // Null where there is none of that name.
  const std::string* Argument(std::string_view name) const;
  // The first header of that name, in lower case; empty where there is none.
  std::string_view Header(std::string_view name) const;
};

struct WebResponse {
  unsigned status = 200;
  std::string body;
  std::string content_type;
  WebFields headers;
};

// The fields of a body that is application/x-www-form-urlencoded, decoded; at most 1000. Takes any
// bytes: a '%' without two hexadecimal digits stands for itself.
WebFields ParseForm(std::string_view body);

}  // namespace breakwater
