// Reading the certificates of all frontends anew, for the console and the control socket.
#pragma once

#include <string>
#include <vector>

#include "proxy/config/config.h"

namespace breakwater {

struct CertificateReload {
  struct Failure {
    std::string frontend;  // its address and port
    std::string error;     // names the file
  };
  size_t loaded = 0;  // frontends that use what their files hold now
  std::vector<Failure> failures;
};

// A frontend whose files are bad keeps what it has, and that is logged; the others go on. Any
// thread; it reads files.
CertificateReload ReloadCertificates(const Config& config);

}  // namespace breakwater
