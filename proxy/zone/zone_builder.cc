#include "proxy/zone/zone_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "proxy/base/byte_writer.h"

namespace breakwater {
namespace {

using dns::Type;

constexpr size_t kMostRecords = 65535 / 12;  // of one set: each takes twelve octets at least
constexpr size_t kMaxBytes = std::numeric_limits<uint32_t>::max() - 2 * 65536;

tl::unexpected<ZoneError> Bad(uint32_t line, std::string text) {
  return tl::unexpected<ZoneError>(ZoneError{line, std::move(text)});
}

// What may stand beside a CNAME (RFC 4034, 3 and 4; RFC 2181, 10.1).
bool MayStandBesideCname(Type type) {
  return type == Type::kCname || type == Type::kRrsig || type == Type::kNsec;
}

bool IsProof(const ZoneRecord& record) {
  if (record.type == Type::kNsec3) return true;
  return record.type == Type::kRrsig && record.rdata.size() > 2 &&
         static_cast<Type>(LoadU16(record.rdata.data())) == Type::kNsec3;
}

void Append(std::span<const uint8_t> from, std::vector<uint8_t>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

}  // namespace

void ZoneBuilder::Begin(const dns::Name& apex) {
  apex_ = apex;
  bytes_.clear();
  items_.clear();
}

ZoneResult<void> ZoneBuilder::Add(const ZoneRecord& record, uint32_t line) {
  if (!record.owner.IsPartOf(apex_)) {
    return Bad(line,
               fmt::format("{} is not in the zone {}", record.owner.ToString(), apex_.ToString()));
  }
  if (IsProof(record)) return {};
  const NodeKey key(record.owner, apex_.length());
  if (record.type == Type::kSoa && key.labels() > 0) {
    return Bad(line, fmt::format("SOA at {}: the zone's name by its file is {}",
                                 record.owner.ToString(), apex_.ToString()));
  }
  if (bytes_.size() > kMaxBytes) return Bad(line, "the zone is larger than 4 GB");
  const std::string_view text = key.view();
  Item item{.key_offset = static_cast<uint32_t>(bytes_.size()),
            .rdata_offset = static_cast<uint32_t>(bytes_.size() + text.size()),
            .ttl = record.ttl,
            .line = line,
            .type = record.type,
            .rdata_length = static_cast<uint16_t>(record.rdata.size()),
            .key_length = static_cast<uint8_t>(text.size())};
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  Append(record.rdata, &bytes_);
  items_.push_back(item);
  return {};
}

std::string_view ZoneBuilder::KeyOf(const Item& item) const {
  return {reinterpret_cast<const char*>(bytes_.data()) + item.key_offset, item.key_length};
}

std::span<const uint8_t> ZoneBuilder::RdataOf(const Item& item) const {
  return {bytes_.data() + item.rdata_offset, item.rdata_length};
}

ZoneResult<ZonePtr> ZoneBuilder::Build() {
  std::stable_sort(items_.begin(), items_.end(), [this](const Item& a, const Item& b) {
    return std::tuple(KeyOf(a), a.type) < std::tuple(KeyOf(b), b.type);
  });
  const bool has_soa = std::any_of(items_.begin(), items_.end(),
                                   [](const Item& item) { return item.type == Type::kSoa; });
  if (!has_soa) return Bad(0, fmt::format("no SOA record for {}", apex_.ToString()));
  std::shared_ptr<Zone> zone(new Zone());
  zone->apex_length_ = apex_.length();
  Append(apex_.wire(), &zone->bytes_);
  Append(apex_.Folded().wire(), &zone->bytes_);
  for (auto from = items_.begin(); from != items_.end();) {
    const auto to = std::find_if(from, items_.end(),
                                 [&](const Item& item) { return KeyOf(item) != KeyOf(*from); });
    const std::span<const Item> node(from, to);
    if (auto good = CheckNode(node); !good) return tl::unexpected(std::move(good.error()));
    WriteNode(node, *zone);
    from = to;
  }
  zone->bytes_.shrink_to_fit();
  zone->nodes_.shrink_to_fit();
  zone->sets_.shrink_to_fit();
  return zone;
}

ZoneResult<void> ZoneBuilder::CheckNode(std::span<const Item> node) const {
  for (size_t i = kMostRecords; i < node.size(); ++i) {
    if (node[i].type != node[i - kMostRecords].type) continue;
    return Bad(node[i].line, fmt::format("more {} records for one name than a message can hold",
                                         dns::TypeName(node[i].type)));
  }
  const auto find = [&](Type type) {
    return std::find_if(node.begin(), node.end(),
                        [type](const Item& item) { return item.type == type; });
  };
  for (const Type single : {Type::kCname, Type::kDname, Type::kSoa}) {
    const auto first = find(single);
    if (first == node.end()) continue;
    const auto wanted = RdataOf(*first);
    for (auto other = first + 1; other != node.end() && other->type == single; ++other) {
      const auto found = RdataOf(*other);
      if (!std::equal(wanted.begin(), wanted.end(), found.begin(), found.end())) {
        return Bad(other->line, fmt::format("a second {} record for the same name (the first: line "
                                            "{})",
                                            dns::TypeName(single), first->line));
      }
    }
  }
  const auto cname = find(Type::kCname);
  if (cname == node.end()) return {};
  for (const Item& item : node) {
    if (MayStandBesideCname(item.type)) continue;
    return Bad(std::max(item.line, cname->line),
               fmt::format("{} and CNAME for the same name", dns::TypeName(item.type)));
  }
  return {};
}

void ZoneBuilder::WriteNode(std::span<const Item> node, Zone& zone) const {
  const std::string_view key = KeyOf(node.front());
  zone.nodes_.push_back({.key_offset = static_cast<uint32_t>(zone.bytes_.size()),
                         .first_set = static_cast<uint32_t>(zone.sets_.size()),
                         .set_count = 0,
                         .key_length = static_cast<uint8_t>(key.size())});
  zone.bytes_.insert(zone.bytes_.end(), key.begin(), key.end());
  for (size_t from = 0; from < node.size();) {
    size_t to = from;
    while (to < node.size() && node[to].type == node[from].type) ++to;
    WriteSet(node.subspan(from, to - from), zone);
    from = to;
  }
  zone.nodes_.back().set_count =
      static_cast<uint16_t>(zone.sets_.size() - zone.nodes_.back().first_set);
}

void ZoneBuilder::WriteSet(std::span<const Item> set, Zone& zone) const {
  Zone::RrSet written{.offset = static_cast<uint32_t>(zone.bytes_.size()),
                      .ttl = set.front().ttl,
                      .type = set.front().type,
                      .count = 0};
  for (size_t i = 0; i < set.size(); ++i) {
    const auto rdata = RdataOf(set[i]);
    written.ttl = std::min(written.ttl, set[i].ttl);
    const bool twice =
        std::any_of(set.begin(), set.begin() + static_cast<ptrdiff_t>(i), [&](const Item& earlier) {
          const auto other = RdataOf(earlier);
          return std::equal(rdata.begin(), rdata.end(), other.begin(), other.end());
        });
    if (twice) continue;
    zone.bytes_.push_back(static_cast<uint8_t>(rdata.size() >> 8));
    zone.bytes_.push_back(static_cast<uint8_t>(rdata.size()));
    Append(rdata, &zone.bytes_);
    ++written.count;
    ++zone.record_count_;
  }
  zone.sets_.push_back(written);
}

}  // namespace breakwater
