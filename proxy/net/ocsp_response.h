// OCSP responses of one's own (RFC 6960), for those who are their own certificate authority: a
// "good" for one certificate, signed by its CA, to be stapled by a listener (ocspResponses).
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/result.h"

namespace breakwater {

struct OcspRequest {
  std::string certificate;  // PEM files
  std::string ca_certificate;
  std::string ca_key;
  std::string output;  // DER, written whole
  uint32_t valid_days = 0;
  uint32_t valid_minutes = 0;  // added to the days
};

// Wall-clock time is what a response carries. The error names the file.
TextResult<void> WriteOcspResponse(const OcspRequest& request);

}  // namespace breakwater
