// The server's replies as text for people. A member that is missing prints as nothing, so that an
// older server can be asked as well.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "proxy/control/ctl_options.h"

namespace breakwater {

// Text that goes to a terminal: control characters of a hostile name must not reach it.
std::string CleanText(std::string text);
// A member of a reply as clean text; empty where it is not there.
std::string CtlField(const nlohmann::json& object, const char* member);

std::string CtlReplyText(CtlCommand command, const nlohmann::json& reply);

// How a list ended: "500 flushed, 0 failed in 1.0 s; to take them back: flush undo 1-500".
std::string CtlListText(const nlohmann::json& status, const std::string& failed);

// "[#####     ] 500/1000  250/s  2 s left"
struct CtlProgress {
  size_t done = 0;
  size_t total = 0;
  double seconds = 0;
};
std::string CtlProgressText(const CtlProgress& progress);

}  // namespace breakwater
