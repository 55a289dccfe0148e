// Actions on EDNS: options of the query, and what client subnet the backend is told.
#pragma once

#include <optional>
#include <string>

#include "proxy/base/netmask.h"
#include "proxy/rules/action.h"

namespace breakwater {

// Replaces the option, or adds an OPT, which is then taken out of the answer again. Where the
// result would be too large, or the message is signed, nothing is changed.
ActionPtr MakeSetEdnsOptionAction(uint16_t code, std::string data);
// The client's hardware address, six octets, where the host's networks know it.
ActionPtr MakeSetMacAddrAction(uint16_t code);
// As MakeSetEdnsOptionAction, on the answer. An OPT added here stays.
ResponseActionPtr MakeSetEdnsOptionResponseAction(uint16_t code, std::string data);
// False, and nothing changed, where it cannot be done. Also dq:setEDNSOption in Lua.
bool SetEdnsOption(Query& query, PacketPool& packets, uint16_t code, std::string_view data);

// Without a second network the first is used for clients of both families.
ActionPtr MakeSetEcsAction(const Netmask& v4, const std::optional<Netmask>& v6 = std::nullopt);
enum class EcsOverride : uint8_t { kKeep, kReplace };
ActionPtr MakeSetEcsOverrideAction(EcsOverride what);
ActionPtr MakeSetEcsPrefixLengthAction(uint8_t v4, uint8_t v6);
ActionPtr MakeSetDisableEcsAction();

}  // namespace breakwater
