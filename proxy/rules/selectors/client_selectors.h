// Selectors on where the query came from and what rules noted about it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/netmask_tree.h"
#include "proxy/base/result.h"
#include "proxy/rules/selector.h"

namespace breakwater {

struct NetmaskSelectorOptions {
  bool destination = false;  // the address asked, not the client's
  bool quiet = false;        // the networks are not shown
};

SelectorPtr MakeNetmaskSelector(NetmaskGroup networks, NetmaskSelectorOptions options = {});
SelectorPtr MakeTcpSelector();  // TCPRule(true): any stream
SelectorPtr MakeUdpSelector();  // TCPRule(false)
SelectorPtr MakeDstPortSelector(uint16_t port);
// "DoUDP", "DoTCP", "DNSCryptUDP", "DNSCryptTCP", "DoT", "DoH", "DoQ", "DoH3"; exactly.
TextResult<SelectorPtr> MakeIncomingProtocolSelector(std::string_view protocol);
// Without a value: the tag is set, to whatever.
SelectorPtr MakeTagSelector(std::string name, std::optional<std::string> value = std::nullopt);
// A value of that type is among the PROXY protocol's; an empty `value` stands for any.
SelectorPtr MakeProxyValueSelector(uint8_t type, std::string value);

}  // namespace breakwater
