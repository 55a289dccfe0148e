#include "proxy/query/transport_options.h"

#include <algorithm>
#include <array>

#include "proxy/dns/edns.h"

namespace breakwater {
namespace {

constexpr size_t kBlock = 468;
constexpr size_t kOptionHeader = 4;
constexpr size_t kOptHeader = 11;
constexpr size_t kMostOctets = 65535;

void WriteKeepalive(dns::EditBuffer& buffer, size_t records_start, uint32_t idle_s) {
  // In units of 100 ms.
  const uint32_t units = idle_s == 0 ? 65535 : std::min<uint32_t>(65535, idle_s * 10);
  const std::array<uint8_t, 2> value{static_cast<uint8_t>(units >> 8), static_cast<uint8_t>(units)};
  (void)dns::SetOption(buffer, records_start, dns::OptionCode::kTcpKeepalive, value);
}

void WritePadding(dns::EditBuffer& buffer, size_t records_start) {
  (void)dns::RemoveOption(buffer, records_start, dns::OptionCode::kPadding);
  const auto edns = dns::FindEdns(buffer.message(), records_start);
  if (!edns) return;
  const size_t bare = buffer.size + kOptionHeader + (edns->present ? 0 : kOptHeader);
  const size_t padded = (bare + kBlock - 1) / kBlock * kBlock;
  static constexpr std::array<uint8_t, kBlock> kZeros{};
  if (bare > kMostOctets || padded > kMostOctets) return;
  (void)dns::SetOption(buffer, records_start, dns::OptionCode::kPadding,
                       std::span(kZeros).first(padded - bare));
}

}  // namespace

bool IsEncrypted(Protocol protocol) {
  return protocol != Protocol::kDoUdp && protocol != Protocol::kDoTcp;
}

void NoteTransportOptions(Query& query) {
  const bool encrypted = IsEncrypted(query.protocol);
  dns::ForEachOption(
      query.message(), query.edns, [&](dns::OptionCode code, std::span<const uint8_t>) {
        query.client_pads |= encrypted && code == dns::OptionCode::kPadding;
        // HTTP has times of its own.
        query.client_keepalive |=
            query.protocol != Protocol::kDoh && code == dns::OptionCode::kTcpKeepalive;
        return true;
      });
}

void WriteTransportOptions(Query& query, PacketPool& pool, uint32_t idle_s) {
  query.Reserve(pool, kOptHeader + kBlock + 2 * kOptionHeader + 2);
  dns::EditBuffer buffer = query.edit();
  if (query.client_keepalive) WriteKeepalive(buffer, query.records_start(), idle_s);
  if (query.client_pads) WritePadding(buffer, query.records_start());
  query.Take(buffer);
}

}  // namespace breakwater
