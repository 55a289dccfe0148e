#include "proxy/rules/selectors/client_selectors.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/query/proxy_values.h"
#include "proxy/rules/selectors/simple_selector.h"

namespace breakwater {

SelectorPtr MakeNetmaskSelector(NetmaskGroup networks, NetmaskSelectorOptions options) {
  std::string text = options.destination ? "Dst: " : "Src: ";
  text += options.quiet ? "in-group" : networks.ToString();
  const bool destination = options.destination;
  return MakeSimpleSelector(std::move(text), [networks = std::move(networks), destination](
                                                 const Query& query, RuleContext&) {
    return networks.Matches(destination ? query.local : query.client);
  });
}

SelectorPtr MakeTcpSelector() {
  return MakeSimpleSelector("TCP", [](const Query& query, RuleContext&) { return query.tcp(); });
}

SelectorPtr MakeUdpSelector() {
  return MakeSimpleSelector("UDP", [](const Query& query, RuleContext&) { return !query.tcp(); });
}

SelectorPtr MakeDstPortSelector(uint16_t port) {
  return MakeSimpleSelector(
      fmt::format("dst port=={}", port),
      [port](const Query& query, RuleContext&) { return query.local.port() == port; });
}

TextResult<SelectorPtr> MakeIncomingProtocolSelector(std::string_view protocol) {
  const std::string text = fmt::format("incoming protocol=={}", protocol);
  for (const Protocol known : {Protocol::kDoUdp, Protocol::kDoTcp, Protocol::kDnscryptUdp,
                               Protocol::kDnscryptTcp, Protocol::kDot, Protocol::kDoh}) {
    if (ProtocolName(known) != protocol) continue;
    return MakeSimpleSelector(
        text, [known](const Query& query, RuleContext&) { return query.protocol == known; });
  }
  // Sound names of transports that no listener offers: nothing comes in that way.
  if (protocol == "DoQ" || protocol == "DoH3") {
    return MakeSimpleSelector(text, [](const Query&, RuleContext&) { return false; });
  }
  return Fail(
      fmt::format("unknown protocol \"{}\"; known are DoUDP, DoTCP, DNSCryptUDP, "
                  "DNSCryptTCP, DoT, DoH, DoQ and DoH3",
                  protocol));
}

SelectorPtr MakeTagSelector(std::string name, std::optional<std::string> value) {
  std::string text = "tag '" + name + "' is set";
  if (value) text += " to '" + *value + "'";
  return MakeSimpleSelector(std::move(text), [name = std::move(name), value = std::move(value)](
                                                 const Query& query, RuleContext&) {
    const std::string* found = query.FindTag(name);
    return found != nullptr && (!value || *found == *value);
  });
}

SelectorPtr MakeProxyValueSelector(uint8_t type, std::string value) {
  std::string text = fmt::format("proxy protocol value of type {} {}", type,
                                 value.empty() ? "is present" : "matches");
  return MakeSimpleSelector(
      std::move(text), [type, value = std::move(value)](const Query& query, RuleContext&) {
        const ProxyValues& values = ProxyValuesOf(query);
        return std::any_of(values.begin(), values.end(), [&](const auto& one) {
          return one.first == type && (value.empty() || one.second == value);
        });
      });
}

}  // namespace breakwater
