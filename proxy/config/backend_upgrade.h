// Puts a server's encrypted successor into the configuration (autoUpgrade). Script thread.
#pragma once

#include "proxy/config/config_builder.h"

namespace breakwater {

// `upgraded` joins the list, and the pool that `server` names for it or else those `server` is in;
// `server` leaves unless it says that it stays. False, and nothing changed, where `server` is not
// in the list any more.
bool UpgradeBackend(ConfigBuilder& builder, const BackendPtr& server, const BackendPtr& upgraded);

}  // namespace breakwater
