// One zone as it was read: immutable, compact, shared by all threads. Its names are kept as keys
// (NodeKey) in sorted order, so that whatever lies below a name follows it at once; a name without
// records of its own but with names below it (an empty non-terminal) shows by that alone.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/dns/name.h"
#include "proxy/dns/types.h"

namespace breakwater {

// A name relative to its zone's apex: the labels from the apex downwards, each behind its length,
// in lower case. The key of an ancestor is a prefix. Empty for the apex.
class NodeKey {
 public:
  // `name` must be part of the apex, whose length in octets is given.
  NodeKey(const dns::Name& name, size_t apex_length);

  size_t labels() const { return labels_; }
  std::string_view view() const { return Prefix(labels_); }
  // Of the first `labels` labels below the apex.
  std::string_view Prefix(size_t labels) const { return {bytes_.data(), ends_[labels]}; }

 private:
  std::array<char, dns::kMaxNameLength> bytes_;
  std::array<uint8_t, 128> ends_;  // of the prefix of so many labels
  size_t labels_ = 0;
};

class Zone {
 public:
  struct RrSet {
    uint32_t offset;  // of the first record: length in two octets, RDATA without compression
    uint32_t ttl;
    dns::Type type;
    uint16_t count;
  };
  struct Node {
    uint32_t key_offset;
    uint32_t first_set;
    uint16_t set_count;
    uint8_t key_length;
  };
  // Where a name stands. The way down from the apex ends at a delegation or a DNAME.
  struct Place {
    enum class Kind : uint8_t { kNode, kEmpty, kNowhere, kBelowCut, kBelowDname };
    Kind kind = Kind::kNowhere;
    // kNode: its own; kBelowCut, also at the cut itself: the delegation's; kBelowDname: the
    // DNAME's. Else null.
    const Node* node = nullptr;
    size_t labels = 0;  // below the apex: of that node, or of the closest encloser
  };

  dns::Name apex() const;
  size_t apex_length() const { return apex_length_; }
  // In lower case; as zone sets look it up.
  std::string_view folded_apex() const;
  const RrSet& soa() const { return *Find(nodes_.front(), dns::Type::kSoa); }

  Place Locate(const NodeKey& key) const;
  // Exactly that name, below a cut or not; null where it has no records.
  const Node* At(std::string_view key) const;
  // "*" below the closest encloser; kNode, kEmpty or kNowhere.
  Place Wildcard(std::string_view encloser) const;
  const Node& apex_node() const { return nodes_.front(); }

  std::span<const RrSet> Sets(const Node& node) const {
    return {sets_.data() + node.first_set, node.set_count};
  }
  const RrSet* Find(const Node& node, dns::Type type) const;
  // Calls `visit(rdata)` for each record.
  template <typename Visit>
  void ForEach(const RrSet& set, Visit&& visit) const {
    size_t at = set.offset;
    for (size_t i = 0; i < set.count; ++i) {
      const size_t length = static_cast<size_t>(bytes_[at] << 8 | bytes_[at + 1]);
      visit(std::span<const uint8_t>(bytes_.data() + at + 2, length));
      at += 2 + length;
    }
  }
  // The name that stands at `offset` of a record's RDATA; the loader has checked that it does.
  static dns::Name NameIn(std::span<const uint8_t> rdata, size_t offset);
  dns::Name FirstName(const RrSet& set) const;  // CNAME, DNAME

  size_t record_count() const { return record_count_; }
  bool IsSigned() const { return Find(apex_node(), dns::Type::kRrsig) != nullptr; }
  // What it holds of memory, about.
  size_t MemoryBytes() const;

 private:
  friend class ZoneBuilder;
  Zone() = default;
  std::string_view KeyOf(const Node& node) const;
  Place PlaceAt(std::string_view key, size_t labels) const;

  size_t apex_length_ = 0;
  size_t record_count_ = 0;
  std::vector<uint8_t> bytes_;  // the apex as spelt, the apex in lower case, keys, records
  std::vector<Node> nodes_;     // by key; the apex first
  std::vector<RrSet> sets_;
};

using ZonePtr = std::shared_ptr<const Zone>;

}  // namespace breakwater
