// Any bytes as a PROXY header: what is read of a whole one can be built again and is read the same,
// in one piece or byte by byte.
#include "proxy/listen/proxied_client.h"

#include <cstdlib>

namespace {

using namespace breakwater;
constexpr size_t kMost = 512;

bool Same(const ProxyHeader& one, const ProxyHeader& other) {
  return one.local == other.local && one.stream == other.stream && one.source == other.source &&
         one.destination == other.destination && one.values == other.values;
}

std::span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void CheckPieces(std::span<const uint8_t> bytes, const ProxyParsed& expected) {
  ProxyHeaderReader reader;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::span<const uint8_t> piece = bytes.subspan(i, 1);
    const auto status = reader.Take(&piece, kMost);
    if (!piece.empty()) std::abort();
    if (status == ProxyHeaderReader::Status::kMore) continue;
    const bool whole = status == ProxyHeaderReader::Status::kWhole;
    if (whole != (expected.status == ProxyParse::kWhole)) std::abort();
    if (whole && (i + 1 != expected.size || !Same(reader.header(), expected.header))) std::abort();
    return;
  }
  if (expected.status != ProxyParse::kPartial) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  const ProxyParsed parsed = ParseProxyHeader(bytes, kMost);
  CheckPieces(bytes, parsed);
  if (parsed.status == ProxyParse::kPartial && parsed.size <= size) std::abort();
  if (parsed.status != ProxyParse::kWhole) return 0;
  if (parsed.size > size || parsed.size > kMost) std::abort();
  const std::string built = BuildProxyHeader(parsed.header);
  const ProxyParsed again = ParseProxyHeader(BytesOf(built), kMost);
  if (again.status != ProxyParse::kWhole || !Same(again.header, parsed.header)) std::abort();
  return 0;
}
