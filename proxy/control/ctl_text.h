// The server's replies as text for people. A member that is missing prints as nothing, so that an
// older server can be asked as well.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "proxy/control/ctl_options.h"

namespace breakwater {

std::string CtlReplyText(CtlCommand command, const nlohmann::json& reply);

// "[#####     ] 500/1000  250/s  2 s left"
struct CtlProgress {
  size_t done = 0;
  size_t total = 0;
  double seconds = 0;
};
std::string CtlProgressText(const CtlProgress& progress);

}  // namespace breakwater
