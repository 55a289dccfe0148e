// Input: the text of a zone file. Whatever it says, it is an error with a place or a zone whose
// every set can be asked for.
#include "proxy/zone/loader.h"

#include <string>

#include "proxy/dns/message_builder.h"
#include "proxy/zone/lookup.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using fuzz::Require;

namespace {

dns::RCode Ask(const ZoneSet& zones, dns::Type type) {
  std::vector<uint8_t> query(512);
  dns::MessageBuilder builder(query, 1, 0);
  builder.AddQuestion(*dns::Name::Parse("t"), type, dns::Class::kIn);
  query.resize(*builder.Finish());
  std::vector<uint8_t> room(kAnswerRoom);
  const auto size = AnswerFromZones(zones, query, room, 512);
  Require(size.has_value(), "an answer");
  return dns::ConstHeader(room.data()).rcode();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static ZoneLoader loader;
  const auto zone = loader.Parse(*dns::Name::Parse("t"), text, "t.zone");
  if (!zone) {
    Require(zone.error().starts_with("t.zone:"), "an error has its place");
    return 0;
  }
  ZoneSet zones;
  zones.Put(*zone);
  for (const Zone::RrSet& set : (*zone)->Sets((*zone)->apex_node())) {
    Require(set.count > 0, "a set has records");
    const auto number = static_cast<uint16_t>(set.type);
    if (number < 249 || number > 255) {
      Require(Ask(zones, set.type) == dns::RCode::kNoError, "what is there is found");
    }
  }
  Require(Ask(zones, dns::Type::kAny) == dns::RCode::kNoError, "the apex is there");
  return 0;
}
