#include "proxy/guard/dyn_block_names.h"

#include <algorithm>

namespace breakwater {
namespace {

constexpr uint16_t kRCodeMask = 0x0f;

}  // namespace

void NameStats::Add(const NameStats& other) {
  queries += other.queries;
  noerrors += other.noerrors;
  nxdomains += other.nxdomains;
  servfails += other.servfails;
  drops += other.drops;
  bytes += other.bytes;
  hits += other.hits;
}

NameStatTree::NameStatTree(const Rings& rings, MonoTime since, size_t max_nodes)
    : nodes_(1), max_nodes_(std::max<size_t>(1, max_nodes)) {
  const uint64_t weight = std::max<uint32_t>(1, rings.settings().sampling_rate);
  rings.VisitResponses(since, [&](const RingResponse& entry) { Count(entry, weight); });
  places_ = {};
}

NameStatTree::Entry* NameStatTree::Place(const dns::Name& name) {
  const std::string folded = name.FoldedKey();
  const auto wire = name.wire();
  std::vector<size_t> starts;  // of the labels, the first of the name first
  for (size_t at = 0; wire[at] != 0; at += 1u + wire[at]) starts.push_back(at);
  Node parent = kRoot;
  for (size_t i = starts.size(); i-- > 0;) {
    const size_t at = starts[i];
    const auto found = places_.find(std::string_view(folded).substr(at));
    if (found != places_.end()) {
      parent = found->second;
      continue;
    }
    if (nodes_.size() >= max_nodes_) return nullptr;
    const auto node = static_cast<Node>(nodes_.size());
    places_.emplace(folded.substr(at), node);
    ++nodes_[parent].children;
    nodes_.push_back({.parent = parent,
                      .labels = static_cast<uint8_t>(starts.size() - i),
                      .label = std::string(reinterpret_cast<const char*>(&wire[at]), 1u + wire[at]),
                      .stats = {}});
    parent = node;
  }
  return &nodes_[parent];
}

void NameStatTree::Count(const RingResponse& entry, uint64_t weight) {
  Entry* const place = Place(entry.Name());
  if (place == nullptr) {
    ++left_out_;
    return;
  }
  // The root is not counted: as with dnsdist, its numbers are those below it.
  if (place->labels == 0) return;
  NameStats& stats = place->stats;
  stats.queries += weight;
  stats.bytes += weight * entry.size;
  if (!entry.backend.IsSet()) stats.hits += weight;
  if (entry.latency_us == kRingTimeout) {
    stats.drops += weight;
    return;
  }
  switch (static_cast<dns::RCode>(entry.flags & kRCodeMask)) {
    case dns::RCode::kNoError:
      stats.noerrors += weight;
      break;
    case dns::RCode::kNxDomain:
      stats.nxdomains += weight;
      break;
    case dns::RCode::kServFail:
      stats.servfails += weight;
      break;
    default:
      break;
  }
}

dns::Name NameStatTree::NameOf(Node node) const {
  std::string wire;
  for (; node != kRoot; node = nodes_[node].parent) wire += nodes_[node].label;
  wire += '\0';
  return dns::Name::FromWire({reinterpret_cast<const uint8_t*>(wire.data()), wire.size()})
      .value_or(dns::Name());
}

// Children have larger numbers than their parents: backwards, each is complete when it is met.
void NameStatTree::Visit(const std::function<bool(Node node, const NameStats& sum)>& visit) const {
  std::vector<NameStats> sums(nodes_.size());
  for (size_t i = nodes_.size(); i-- > 0;) {
    sums[i].Add(nodes_[i].stats);
    if (!visit(static_cast<Node>(i), sums[i])) return;
    if (i != kRoot) sums[nodes_[i].parent].Add(sums[i]);
  }
}

}  // namespace breakwater
