// /zones: a page for people that shows which zones are bad, on which servers, since when and why,
// and the servers that a drill found suspect. No scripts, nothing loaded from elsewhere; it loads
// itself anew every five seconds. Reads snapshots; any thread.
#pragma once

#include <string>
#include <string_view>

#include "proxy/control/control_target.h"

namespace breakwater {

std::string ZonesPage(const ControlTarget& target);

// Text as HTML shows it, in attributes too.
std::string EscapeHtml(std::string_view text);

}  // namespace breakwater
