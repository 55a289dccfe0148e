// The network interfaces of this host. System calls each time: for the script thread, never for a
// worker.
#pragma once

#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/netmask.h"

namespace breakwater {

// Each name once, in the kernel's order.
TextResult<std::vector<std::string>> InterfaceNames();
// Of one interface; none where there is no such interface. The port is 0.
TextResult<std::vector<Address>> InterfaceAddresses(const std::string& name);
TextResult<std::vector<Netmask>> InterfaceNetworks(const std::string& name);

}  // namespace breakwater
