// getServerID(): what setServerID() said, else the host's name.
#pragma once

#include <string>

#include "proxy/config/settings.h"

namespace breakwater {

std::string ServerId(const Settings& settings);

}  // namespace breakwater
