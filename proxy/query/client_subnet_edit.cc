#include "proxy/query/client_subnet_edit.h"

#include "proxy/dns/client_subnet.h"

namespace breakwater {

void AddClientSubnet(Query& query, PacketPool& packets, const ClientSubnetDefaults& defaults) {
  const bool overriding = query.ecs_override_set ? query.ecs_override : defaults.overriding;
  const bool had =
      dns::FindOption(query.message(), query.edns, dns::OptionCode::kClientSubnet).has_value();
  const bool had_opt = query.edns.present;
  if (had && !overriding) return;
  unsigned bits = query.client.IsV6() ? defaults.prefix_v6 : defaults.prefix_v4;
  if (query.ecs_prefix_set) bits = query.client.IsV6() ? query.ecs_prefix_v6 : query.ecs_prefix_v4;
  Netmask subnet(query.client, bits);
  if (const QueryExtras* extras = query.extras(); extras != nullptr) {
    const auto& chosen = query.client.IsV6() ? extras->ecs_v6 : extras->ecs_v4;
    if (chosen) subnet = *chosen;
  }
  query.Detach(packets);
  dns::EditBuffer buffer = query.edit();
  const dns::ClientSubnetData option = dns::WriteClientSubnet({.source = subnet});
  if (!dns::SetOption(buffer, query.question.end(), dns::OptionCode::kClientSubnet,
                      option.span())) {
    return;
  }
  query.Take(buffer);
  query.ecs_added = query.ecs_added || !had;
  query.edns_added = query.edns_added || !had_opt;
  const auto edns = dns::FindEdns(query.message(), query.question.end());
  if (edns) query.edns = *edns;
}

}  // namespace breakwater
