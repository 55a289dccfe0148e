// The configuration on the web API: .../config, a list of settings, and .../config/allow-from, the
// access list, which a PUT replaces. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "proxy/base/netmask_tree.h"
#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace breakwater {

std::string JsonConfig(const Config& config);                // .../config
std::string JsonAllowFrom(const std::vector<std::string>&);  // .../config/allow-from

// The networks of a PUT's {"value": [...]}.
TextResult<NetmaskGroup> ParseAllowFrom(std::string_view body);
// `setACL({...})`: the change as a line of the configuration.
std::string AccessListLine(const NetmaskGroup& acl);
// Writes that line to acl.conf in the directory, whole or not at all.
TextResult<void> SaveAccessList(const std::string& directory, std::string_view line);

}  // namespace breakwater
