// Input: which answers are comfortable (two octets), a query. Whatever is asked of a fixed set of
// zones, the answer is a sound message about the same question, and as long as it says.
#include "proxy/zone/lookup.h"

#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"
#include "proxy/zone/loader.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using fuzz::Require;

namespace {

constexpr const char* kZone =
    "$TTL 60\n"
    "@ SOA ns h 1 2 3 4 5\n@ NS ns\n@ MX 10 mail\n@ RRSIG SOA 8 1 60 20400101000000 "
    "20200101000000 1 t. AQID\nns A 192.0.2.1\nns AAAA 2001:db8::1\nmail A 192.0.2.2\n"
    "*.w TXT x\n*.w MX 5 ns\nc CNAME d.w\nl CNAME m\nm CNAME l\nd DNAME w\ne DNAME e.e\n"
    "s NS ns.s\ns NS ns.u.\ns DS 1 8 2 00\nns.s A 192.0.2.3\na.b.n A 192.0.2.4\n"
    "r SRV 0 0 1 a.w\nx.*.v A 192.0.2.5\no CNAME www.u.\n*.q CNAME z.q\n";

const ZoneSet& Zones() {
  static const ZoneSet zones = [] {
    ZoneSet set;
    ZoneLoader loader;
    for (const char* name : {"t", "u", "s.t", "example.com"}) {
      auto zone = loader.Parse(*dns::Name::Parse(name), kZone, name);
      Require(zone.has_value(), "the zone loads");
      set.Put(std::move(*zone));
    }
    return set;
  }();
  return zones;
}

void CheckAnswer(std::span<const uint8_t> query, std::span<const uint8_t> answer) {
  const dns::Header header = dns::ConstHeader(answer.data());
  Require(header.id() == dns::ConstHeader(query.data()).id(), "the same ID");
  Require(header.Has(dns::kFlagQr), "it is an answer");
  const auto start = dns::RecordsStart(answer);
  Require(start.has_value(), "its question is sound");
  if (header.count(dns::Section::kQuestion) == 1) {
    Require(std::equal(query.begin() + dns::kHeaderSize, query.begin() + static_cast<long>(*start),
                       answer.begin() + dns::kHeaderSize),
            "the same question");
  }
  dns::RecordWalker walker(answer, *start);
  while (walker.Next()) Require(walker.OwnerName().has_value(), "an owner is a name");
  Require(walker.ok() && walker.end_offset() == answer.size(), "its records fill it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const size_t high = input.Byte();
  const size_t comfortable = high << 8 | input.Byte();
  const std::vector<uint8_t> query = input.Rest();
  std::vector<uint8_t> room(kAnswerRoom);
  const auto written = AnswerFromZones(Zones(), query, room, comfortable);
  if (!written) return 0;
  room.resize(*written);
  room.shrink_to_fit();
  CheckAnswer(query, room);
  return 0;
}
