// Longest-prefix match over networks of both families: a binary trie on the prefix bits, nodes in
// one array; a few networks, as in most access lists, are compared one by one. Netmask groups
// (access lists, NetmaskGroupRule) keep exclusions in it. A value: rules and snapshots copy it when
// made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/netmask.h"

namespace breakwater {

// dnsdist's NetmaskGroup: the longest matching network decides; "!" in front excludes.
class NetmaskGroup {
 public:
  TextResult<void> Add(std::string_view text);  // "192.0.2.0/24" or "!192.0.2.1"
  void Add(const Netmask& network);
  void Exclude(const Netmask& network);
  void AddAll(const NetmaskGroup& other);
  bool Remove(const Netmask& network);
  void Clear();

  bool Matches(const Address& address) const;
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::vector<std::string> ToStrings() const;  // in the order added, "!" kept
  std::string ToString() const;                // joined with ", "

 private:
  struct Entry {
    Netmask network;
    bool include;
  };
  struct Node {
    int32_t child[2] = {-1, -1};
    int8_t verdict = 0;  // 0 none, 1 included, -1 excluded
  };
  void Place(const Entry& added);
  // A network as two words, for the comparison one by one.
  struct Words {
    uint64_t high = 0;
    uint64_t low = 0;
  };
  struct Prefix {
    Words network;
    Words mask;
    unsigned bits;
    bool include;
  };
  static Words WordsOf(const Address& address);
  bool Insert(const Entry& entry);  // false where the network was there: its verdict is replaced
  void Rebuild();
  void ListFew();

  std::vector<Entry> entries_;
  // The longest first; empty where there are more than a few in all.
  std::vector<Prefix> few_v4_;
  std::vector<Prefix> few_v6_;
  std::vector<Node> v4_;
  std::vector<Node> v6_;
};

}  // namespace breakwater
