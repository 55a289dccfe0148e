// The input is the answer to a question for encrypted transports; what is taken from it can be
// used.
#include "proxy/backend/discovery_message.h"

#include <algorithm>

#include "proxy/dns/name.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> reply = fuzz::Input(data, size).Rest();
  const auto query = MakeDiscoveryQuery(0x1234);
  const Address server = *Address::Parse("192.0.2.1:53");
  const auto found = ReadDiscovery(query, reply, {.server = server});
  if (!found) {
    Require(!found.error().empty(), "a reason is given");
    return 0;
  }
  Require(!found->empty() && found->size() <= 16, "some, and not too many");
  uint16_t last = 1;
  for (const DiscoveredTransport& one : *found) {
    Require(one.priority >= last, "in order");
    last = one.priority;
    Require(one.address.IsSet() && one.address.port() != 0, "there is where to connect to");
    Require(dns::Name::Parse(one.target).has_value() && !one.target.empty(), "a name");
    const auto fits = [](char c) { return c > 0x20 && c < 0x7f; };
    Require(std::all_of(one.doh_path.begin(), one.doh_path.end(), fits), "a path");
  }
  return 0;
}
