// What DNS over HTTPS has beside other binds: its paths, fixed answers, headers, and counters by
// HTTP's terms. Part of a Frontend, shared by all workers; the responses map alone may change.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/query/http_exchange.h"

namespace breakwater {

struct DohSettings {
  std::vector<std::string> paths{"/dns-query"};
  bool exact_paths = true;  // else a path need only begin like one of them
  HttpHeaders response_headers;
  bool cache_control = true;
  bool trust_forwarded_for = false;  // the access list counts for x-forwarded-for
  bool early_acl_drop = true;
  bool keep_headers = false;
  uint32_t idle_timeout_s = 30;
};

// newDOHResponseMapEntry.
struct DohResponse {
  std::unique_ptr<re2::RE2> path;
  uint16_t status = 200;
  std::string content;
  HttpHeaders headers;  // in place of the bind's own
  bool has_headers = false;
};
using DohResponses = std::vector<std::shared_ptr<const DohResponse>>;

struct DohCounters {
  SharedCounter http1_queries, http2_queries, get_queries, post_queries;
  SharedCounter refused_requests;  // a limit, or never complete; no response is counted
  SharedCounter bad_requests, error_responses, redirect_responses, valid_responses;
  enum Status : uint8_t { k200, k400, k403, k500, k502, kOther };
  std::array<std::array<SharedCounter, 6>, 2> by_status;  // [HTTP/1, HTTP/2]
};

struct DohFrontend {
  DohSettings settings;
  DohCounters counters;
  Guarded<std::shared_ptr<const DohResponses>> responses;  // null: none
  std::atomic<bool> has_responses{false};                  // saves a lock a request, mostly
};

}  // namespace breakwater
