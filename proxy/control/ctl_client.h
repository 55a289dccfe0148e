// One connection to the Unix control socket, from breakwaterctl's side. Blocking; not for two
// threads.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

class CtlClient {
 public:
  // The error says what to check: the path, the permissions, whether the server runs.
  static TextResult<CtlClient> Connect(const std::string& path);

  // Sent with each request from now on.
  void UseToken(std::string token) { token_ = std::move(token); }

  // One round trip. The reply is the server's object, refusals included; an error here means
  // that there is no reply.
  TextResult<nlohmann::json> Request(nlohmann::json request);

 private:
  explicit CtlClient(UniqueFd fd) : fd_(std::move(fd)) {}
  TextResult<std::string> ReadLine();

  UniqueFd fd_;
  std::string input_;
  std::string token_;  // empty: none
};

}  // namespace breakwater
