// What the response ring says of names: a tree of their labels with numbers at each
// (setSuffixMatchRule and its visitor, which says which names to block). Bounded: names beyond
// kMaxNodes are not in it, and that is told. Built by one thread, then read by any.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dns/name.h"
#include "proxy/guard/name_key.h"
#include "proxy/observe/rings.h"

namespace breakwater {

// Of answers; with sampling, of so many as there were.
struct NameStats {
  uint64_t queries = 0;
  uint64_t noerrors = 0;
  uint64_t nxdomains = 0;
  uint64_t servfails = 0;
  uint64_t drops = 0;  // no answer came
  uint64_t bytes = 0;
  uint64_t hits = 0;  // answered from the cache, or by ourselves
  void Add(const NameStats& other);
};

class NameStatTree {
 public:
  static constexpr size_t kMaxNodes = 500'000;

  // The answers not older than `since`, each counted for its name.
  NameStatTree(const Rings& rings, MonoTime since, size_t max_nodes = kMaxNodes);

  using Node = uint32_t;
  static constexpr Node kRoot = 0;
  size_t size() const { return nodes_.size(); }
  bool empty() const { return nodes_.size() == 1; }
  uint64_t left_out() const { return left_out_; }  // answers with no place in the tree

  dns::Name NameOf(Node node) const;  // spelled as it was seen first
  size_t LabelsOf(Node node) const { return nodes_[node].labels; }
  size_t ChildrenOf(Node node) const { return nodes_[node].children; }
  const NameStats& StatsOf(Node node) const { return nodes_[node].stats; }

  // Each node after those below it, the root last, with the sum of itself and all below. False
  // from `visit` ends it.
  void Visit(const std::function<bool(Node node, const NameStats& sum)>& visit) const;

 private:
  struct Entry {
    Node parent = 0;
    uint32_t children = 0;
    uint8_t labels = 0;
    std::string label;  // the first of the name, with its length in front; empty: the root
    NameStats stats;
  };
  void Count(const RingResponse& entry, uint64_t weight);
  // Null where there is no room.
  Entry* Place(const dns::Name& name);

  std::vector<Entry> nodes_;  // parents before their children
  absl::flat_hash_map<std::string, Node, NameKeyHash, std::equal_to<>>
      places_;  // by the wire form in lower case
  size_t max_nodes_;
  uint64_t left_out_ = 0;
};

}  // namespace breakwater
