// From a request to its answer, without sockets: login, method, path, content. The order of the
// checks is dnsdist's (meaning-operation.md, "Web server and API"). Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/control/command_runner.h"
#include "proxy/control/control_target.h"

namespace breakwater {

struct WebRequest {
  std::string method;
  std::string path;  // decoded, without the query
  std::vector<std::pair<std::string, std::string>> arguments;
  std::string authorization;
  std::string api_key;
  std::string origin;
  std::string body;

  // Null where there is none of that name.
  const std::string* Argument(std::string_view name) const;
};

struct WebResponse {
  unsigned status = 200;
  std::string body;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
};

class WebHandler {
 public:
  WebHandler(ControlTarget& target, CommandRunner& runner) : target_(target), runner_(runner) {}
  WebResponse Handle(const WebRequest& request) const;

 private:
  WebResponse Answer(const WebRequest& request, const Config& config) const;
  WebResponse JsonStat(const WebRequest& request) const;
  WebResponse PoolPage(const WebRequest& request, const Config& config) const;
  WebResponse PurgeCache(const WebRequest& request, const Config& config) const;
  WebResponse AllowFrom(const WebRequest& request, const Config& config) const;

  ControlTarget& target_;
  CommandRunner& runner_;
};

}  // namespace breakwater
