// Giving up root after the sockets are bound and the keys are read, and before any thread but
// the first exists (capabilities are per thread). Kept: CAP_NET_BIND_SERVICE where it was there,
// so that a later configuration may open low ports.
#pragma once

#include <string>

#include "proxy/base/result.h"

namespace breakwater {

struct PrivilegeSettings {
  std::string user;   // name or number; empty: stay
  std::string group;  // name or number; empty: stay
};

// The error names the user or group and what the system said.
TextResult<void> DropPrivileges(const PrivilegeSettings& settings);

}  // namespace breakwater
