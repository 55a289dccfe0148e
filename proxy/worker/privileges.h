// Giving up root after the sockets are bound and the keys are read, and before any thread but
// the first exists (capabilities are per thread). Kept, where they were there:
// CAP_NET_BIND_SERVICE, so that a later configuration may open low ports, and what the operator
// names (addCapabilitiesToRetain).
#pragma once

#include <string>
#include <vector>

#include "proxy/base/result.h"

namespace breakwater {

struct PrivilegeSettings {
  std::string user;           // name or number; empty: stay
  std::string group;          // name or number; empty: stay
  std::vector<int> retained;  // numbers of capabilities(7)
};

// "CAP_SYS_ADMIN", in any case; an error where this system knows none of that name.
TextResult<int> CapabilityNumber(const std::string& name);

// The error names the user or group and what the system said.
TextResult<void> DropPrivileges(const PrivilegeSettings& settings);

}  // namespace breakwater
