#include "proxy/dns/client_subnet.h"

#include <algorithm>

#include "proxy/base/byte_reader.h"
#include "proxy/base/byte_writer.h"

namespace breakwater::dns {
namespace {

constexpr uint16_t kFamilyV4 = 1;  // IANA, "Address Family Numbers"
constexpr uint16_t kFamilyV6 = 2;

}  // namespace

Result<ClientSubnet> ParseClientSubnet(std::span<const uint8_t> data) {
  ByteReader reader(data);
  const uint16_t family = reader.U16();
  const uint8_t source_bits = reader.U8();
  const uint8_t scope = reader.U8();
  if (!reader.ok() || (family != kFamilyV4 && family != kFamilyV6)) {
    return Fail(Error::kBadOption);
  }
  const unsigned max_bits = family == kFamilyV4 ? 32 : 128;
  const size_t octets = (source_bits + 7u) / 8u;
  if (source_bits > max_bits || scope > max_bits || reader.remaining() != octets) {
    return Fail(Error::kBadOption);
  }
  std::array<uint8_t, 16> raw{};
  const auto given = reader.Bytes(octets);
  std::copy(given.begin(), given.end(), raw.begin());
  const Address address = Address::FromRaw({raw.data(), max_bits / 8});
  ClientSubnet subnet;
  subnet.source = Netmask(address, source_bits);
  subnet.scope = scope;
  if (!subnet.source.network().SameHost(address)) return Fail(Error::kBadOption);
  return subnet;
}

ClientSubnetData WriteClientSubnet(const ClientSubnet& subnet) {
  ClientSubnetData data;
  const unsigned bits = subnet.source.bits();
  ByteWriter writer(data.bytes);
  writer.U16(subnet.source.network().IsV4() ? kFamilyV4 : kFamilyV6);
  writer.U8(static_cast<uint8_t>(bits));
  writer.U8(subnet.scope);
  writer.Bytes(subnet.source.network().Raw().first((bits + 7) / 8));
  data.size = static_cast<uint8_t>(writer.offset());
  return data;
}

ClientSubnetData WriteClientSubnet(const Address& address, unsigned prefix_bits) {
  const Address plain = address.MappedToV4();
  const unsigned bits = std::min(prefix_bits, plain.IsV4() ? 32u : 128u);
  return WriteClientSubnet(ClientSubnet{.source = Netmask(plain, bits)});
}

std::optional<ClientSubnet> FindClientSubnet(std::span<const uint8_t> message, const Edns& edns) {
  const auto data = FindOption(message, edns, OptionCode::kClientSubnet);
  if (!data) return std::nullopt;
  const auto subnet = ParseClientSubnet(*data);
  if (!subnet) return std::nullopt;
  return *subnet;
}

}  // namespace breakwater::dns
