// A message as anybody may send it, taken apart by scripts: the overlay of newDNSPacketOverlay and
// the packets of ffi.C must say the same, and nothing of either may be read past its end.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "lua/configuration.h"
#include "lua/runtime.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using namespace breakwater::lua;

namespace {

constexpr const char* kScript = R"(
local C = require("ffi").C
local function parts(bytes, packet, overlay)
  local count = 0
  for section = 0, 4 do
    local here = C.dnsdist_ffi_dnspacket_get_records_count_in_section(packet, section)
    assert(here == overlay:getRecordsCountInSection(section))
    count = count + here
  end
  assert(C.dnsdist_ffi_dnspacket_get_qtype(packet) == overlay.qtype)
  assert(C.dnsdist_ffi_dnspacket_get_qclass(packet) == overlay.qclass)
  assert(#C.dnsdist_ffi_dnspacket_get_qname_raw(packet) <= 255)
  for i = 0, count - 1 do
    local record = overlay:getRecord(i)
    assert(C.dnsdist_ffi_dnspacket_get_record_type(packet, i) == record.type)
    assert(C.dnsdist_ffi_dnspacket_get_record_class(packet, i) == record.class)
    assert(C.dnsdist_ffi_dnspacket_get_record_ttl(packet, i) == record.ttl)
    assert(C.dnsdist_ffi_dnspacket_get_record_content_length(packet, i) == record.contentLength)
    assert(C.dnsdist_ffi_dnspacket_get_record_content_offset(packet, i) == record.contentOffset)
    local name = C.dnsdist_ffi_dnspacket_get_record_name_raw(packet, i)
    assert(#name >= 1 and #name == record.name:wirelength())
    local good, address = C.dnsdist_ffi_dnspacket_parse_address_record(bytes, packet, i)
    assert(good == (parseAddressRecord(bytes, record) ~= nil))
    assert(not good or #address == record.contentLength)
    good = C.dnsdist_ffi_dnspacket_parse_cname_record(bytes, packet, i)
    assert(good == (parseCNAMERecord(bytes, record) ~= nil))
    -- Of another message: what is not there is no content.
    local less = bytes:sub(1, #bytes // 2)
    C.dnsdist_ffi_dnspacket_parse_address_record(less, packet, i)
    C.dnsdist_ffi_dnspacket_parse_cname_record(less, packet, i)
  end
  assert(not pcall(overlay.getRecord, overlay, count))
  assert(C.dnsdist_ffi_dnspacket_get_record_type(packet, count) == 0)
end
function look(bytes)
  local good, packet = C.dnsdist_ffi_dnspacket_parse(bytes, #bytes)
  local same, overlay = pcall(newDNSPacketOverlay, bytes)
  assert(good == (same and #bytes <= 65535))
  for at = 0, math.min(#bytes, 64) do C.dnsdist_ffi_dnspacket_get_name_at_offset_raw(bytes, #bytes, at) end
  if good then parts(bytes, packet, overlay) end
end
)";

// Read once.
Runtime& Prepared() {
  static ConfigBuilder builder;
  static const auto configuration = [] {
    char path[] = "/tmp/breakwater_fuzz_XXXXXX";
    const int file = mkstemp(path);
    fuzz::Require(file >= 0, "a file for the script");
    std::ofstream(path) << kScript;
    auto loaded = Configuration::Load(path, builder, {});
    ::close(file);
    ::unlink(path);
    fuzz::Require(loaded.has_value(), "the script can be read");
    return std::move(*loaded);
  }();
  return configuration->runtime();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Entry entry(Prepared(), Place::kScript);
  lua_State* const state = entry.state();
  lua_getglobal(state, "look");
  lua_pushlstring(state, reinterpret_cast<const char*>(data), size);
  const auto done = ProtectedCall(state, 1, 0);
  fuzz::Require(done.has_value(), done ? "" : done.error().c_str());
  return 0;
}
