// The input is one option's data; what parses is written back octet for octet.
#include "proxy/dns/client_subnet.h"

#include "proxy/base/text.h"
#include "tests/fuzz/check.h"

using namespace breakwater;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  const auto subnet = dns::ParseClientSubnet(bytes);
  if (!subnet) return 0;
  const auto written = dns::WriteClientSubnet(*subnet);
  fuzz::Require(AsText(written.span()) == AsText(bytes), "written as read");
  fuzz::Require(subnet->source.Matches(subnet->source.network()), "holds its own address");
  return 0;
}
