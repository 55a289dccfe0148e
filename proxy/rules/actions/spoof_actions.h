// SpoofAction, SpoofCNAMEAction, SpoofRawAction. Where spoof.h's functions answer nothing the
// rules go on.
#pragma once

#include <string>
#include <vector>

#include "proxy/rules/action.h"
#include "proxy/rules/spoof.h"

namespace breakwater {

ActionPtr MakeSpoofAction(std::vector<Address> addresses, SpoofOptions options = {});
ActionPtr MakeSpoofCnameAction(const dns::Name& target, SpoofOptions options = {});
ActionPtr MakeSpoofRawAction(std::vector<std::string> rdata, SpoofOptions options = {});

}  // namespace breakwater
