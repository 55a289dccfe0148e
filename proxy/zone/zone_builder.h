// Gathers the records of one zone and makes a Zone of them. A local of the loader; may be used for
// one zone after the other, and keeps its memory then.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/zone/zone.h"

namespace breakwater {

struct ZoneRecord {
  const dns::Name& owner;
  dns::Type type;
  uint32_t ttl;
  std::span<const uint8_t> rdata;  // without compression, its names checked
};

// A sentence, and the line of the record that it is about; 0: of none.
struct ZoneError {
  uint32_t line = 0;
  std::string text;
};
template <typename T>
using ZoneResult = tl::expected<T, ZoneError>;

class ZoneBuilder {
 public:
  void Begin(const dns::Name& apex);
  // An error where the owner is outside of the zone, or a SOA is not at its apex.
  ZoneResult<void> Add(const ZoneRecord& record, uint32_t line);
  // An error where there is no SOA, or where CNAME, DNAME or SOA stand beside what they may not.
  // Records that are there twice count once; an RRset has the least TTL of its records (RFC 2181,
  // 5.2). NSEC3 and its signatures are left out: proofs are not served.
  ZoneResult<ZonePtr> Build();

 private:
  struct Item {
    uint32_t key_offset, rdata_offset;
    uint32_t ttl;
    uint32_t line;
    dns::Type type;
    uint16_t rdata_length;
    uint8_t key_length;
  };
  std::string_view KeyOf(const Item& item) const;
  std::span<const uint8_t> RdataOf(const Item& item) const;
  ZoneResult<void> CheckNode(std::span<const Item> node) const;
  void WriteNode(std::span<const Item> node, Zone& zone) const;
  void WriteSet(std::span<const Item> set, Zone& zone) const;

  dns::Name apex_;
  std::vector<uint8_t> bytes_;
  std::vector<Item> items_;
};

}  // namespace breakwater
