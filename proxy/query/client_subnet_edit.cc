#include "proxy/query/client_subnet_edit.h"

#include "proxy/dns/client_subnet.h"

namespace breakwater {

namespace {

bool HasSubnet(const Query& query) {
  return dns::FindOption(query.message(), query.edns, dns::OptionCode::kClientSubnet).has_value();
}

bool Overrides(const Query& query, const ClientSubnetDefaults& defaults) {
  return query.ecs_override_set ? query.ecs_override : defaults.overriding;
}

Netmask SubnetOf(const Query& query, const ClientSubnetDefaults& defaults) {
  const bool v6 = query.client.IsV6();
  if (const QueryExtras* extras = query.extras(); extras != nullptr) {
    const auto& chosen = v6 ? extras->ecs_v6 : extras->ecs_v4;
    if (chosen) return *chosen;
  }
  unsigned bits = v6 ? defaults.prefix_v6 : defaults.prefix_v4;
  if (query.ecs_prefix_set) bits = v6 ? query.ecs_prefix_v6 : query.ecs_prefix_v4;
  return Netmask(query.client, bits);
}

}  // namespace

bool WriteClientSubnet(const Query& query, const ClientSubnetDefaults& defaults,
                       dns::EditBuffer& message) {
  if (HasSubnet(query) && !Overrides(query, defaults)) return true;
  const dns::ClientSubnetData option =
      dns::WriteClientSubnet({.source = SubnetOf(query, defaults)});
  return dns::SetOption(message, query.question.end(), dns::OptionCode::kClientSubnet,
                        option.span())
      .has_value();
}

void AddClientSubnet(Query& query, PacketPool& packets, const ClientSubnetDefaults& defaults) {
  const bool had = HasSubnet(query);
  const bool had_opt = query.edns.present;
  if (had && !Overrides(query, defaults)) return;
  query.Detach(packets);
  dns::EditBuffer buffer = query.edit();
  if (!WriteClientSubnet(query, defaults, buffer)) return;
  query.Take(buffer);
  query.ecs_added = query.ecs_added || !had;
  query.edns_added = query.edns_added || !had_opt;
  const auto edns = dns::FindEdns(query.message(), query.question.end());
  if (edns) query.edns = *edns;
}

}  // namespace breakwater
