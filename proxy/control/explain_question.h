// A query that nobody sent, for `breakwaterctl explain`. A value.
#pragma once

#include <optional>
#include <string>

#include "proxy/base/address.h"
#include "proxy/dns/name.h"
#include "proxy/dns/types.h"

namespace breakwater {

struct ExplainQuestion {
  dns::Name name;
  dns::Type type = dns::Type::kA;
  Address client;
  std::optional<std::string> pool{};  // in place of the one that rules choose
  bool tcp = false;
  bool dnssec = false;  // EDNS with DO
};

}  // namespace breakwater
