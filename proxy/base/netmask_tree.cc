#include "proxy/base/netmask_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/base/byte_writer.h"

namespace breakwater {
namespace {

// More than this, and a walk down the trie is as fast.
constexpr size_t kFew = 16;

unsigned BitAt(std::span<const uint8_t> bytes, unsigned index) {
  return (bytes[index / 8] >> (7 - index % 8)) & 1u;
}

}  // namespace

TextResult<void> NetmaskGroup::Add(std::string_view text) {
  const bool include = text.empty() || text.front() != '!';
  const auto network = Netmask::Parse(include ? text : text.substr(1));
  if (!network) return Fail(network.error());
  Place({*network, include});
  return {};
}

void NetmaskGroup::Add(const Netmask& network) {
  Place({network, true});
}

void NetmaskGroup::Exclude(const Netmask& network) {
  Place({network, false});
}

void NetmaskGroup::Place(const Entry& added) {
  if (!added.network.IsSet()) return;
  // A network given twice keeps its place in the list; what was said last counts.
  if (Insert(added)) {
    entries_.push_back(added);
  } else {
    const auto old = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.network == added.network;
    });
    old->include = added.include;
  }
  ListFew();
}

void NetmaskGroup::AddAll(const NetmaskGroup& other) {
  if (&other == this) return;
  for (const Entry& entry : other.entries_) Place(entry);
}

bool NetmaskGroup::Remove(const Netmask& network) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.network == network; });
  if (found == entries_.end()) return false;
  entries_.erase(found);
  Rebuild();
  return true;
}

void NetmaskGroup::Clear() {
  entries_.clear();
  Rebuild();
}

bool NetmaskGroup::Matches(const Address& address) const {
  const std::vector<Node>& nodes = address.IsV6() ? v6_ : v4_;
  if (nodes.empty() || !address.IsSet()) return false;
  if (entries_.size() <= kFew) {
    const Words words = WordsOf(address);
    for (const Prefix& prefix : address.IsV6() ? few_v6_ : few_v4_) {
      if (((words.high ^ prefix.network.high) & prefix.mask.high) == 0 &&
          ((words.low ^ prefix.network.low) & prefix.mask.low) == 0) {
        return prefix.include;
      }
    }
    return false;
  }
  const auto bytes = address.Raw();
  const unsigned bits = static_cast<unsigned>(bytes.size()) * 8;
  int8_t verdict = nodes[0].verdict;
  int32_t at = 0;
  for (unsigned i = 0; i < bits; ++i) {
    at = nodes[static_cast<size_t>(at)].child[BitAt(bytes, i)];
    if (at < 0) break;
    const int8_t here = nodes[static_cast<size_t>(at)].verdict;
    if (here != 0) verdict = here;
  }
  return verdict > 0;
}

std::vector<std::string> NetmaskGroup::ToStrings() const {
  std::vector<std::string> out;
  out.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    out.push_back((entry.include ? "" : "!") + entry.network.ToString());
  }
  return out;
}

std::string NetmaskGroup::ToString() const {
  return fmt::format("{}", fmt::join(ToStrings(), ", "));
}

bool NetmaskGroup::Insert(const Entry& entry) {
  std::vector<Node>& nodes = entry.network.network().IsV6() ? v6_ : v4_;
  if (nodes.empty()) nodes.emplace_back();
  const auto bytes = entry.network.network().Raw();
  size_t at = 0;
  for (unsigned i = 0; i < entry.network.bits(); ++i) {
    const unsigned bit = BitAt(bytes, i);
    if (nodes[at].child[bit] < 0) {
      nodes[at].child[bit] = static_cast<int32_t>(nodes.size());
      nodes.emplace_back();
    }
    at = static_cast<size_t>(nodes[at].child[bit]);
  }
  const bool is_new = nodes[at].verdict == 0;
  nodes[at].verdict = entry.include ? 1 : -1;
  return is_new;
}

void NetmaskGroup::Rebuild() {
  v4_.clear();
  v6_.clear();
  for (const Entry& entry : entries_) (void)Insert(entry);
  ListFew();
}

NetmaskGroup::Words NetmaskGroup::WordsOf(const Address& address) {
  const auto bytes = address.Raw();
  const auto word = [&](size_t at) { return uint64_t{LoadU32(bytes.data() + at)}; };
  if (bytes.size() < 16) return {word(0) << 32, 0};
  return {word(0) << 32 | word(4), word(8) << 32 | word(12)};
}

void NetmaskGroup::ListFew() {
  few_v4_.clear();
  few_v6_.clear();
  if (entries_.size() > kFew) return;
  const auto mask = [](unsigned bits) { return bits == 0 ? 0 : ~uint64_t{0} << (64 - bits); };
  for (const Entry& entry : entries_) {
    const unsigned bits = entry.network.bits();
    const Words masks = {mask(std::min(bits, 64u)), mask(bits - std::min(bits, 64u))};
    auto& few = entry.network.network().IsV6() ? few_v6_ : few_v4_;
    few.push_back({WordsOf(entry.network.network()), masks, bits, entry.include});
  }
  for (auto* few : {&few_v4_, &few_v6_}) {
    std::sort(few->begin(), few->end(),
              [](const Prefix& a, const Prefix& b) { return a.bits > b.bits; });
  }
}

}  // namespace breakwater
