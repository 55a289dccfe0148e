#include "proxy/zone/zone.h"

#include <algorithm>
#include <cstring>

namespace breakwater {

NodeKey::NodeKey(const dns::Name& name, size_t apex_length) {
  const std::span<const uint8_t> wire = name.wire();
  std::array<uint8_t, 128> starts;
  for (size_t at = 0; at + apex_length < wire.size(); at += 1u + wire[at]) {
    starts[labels_++] = static_cast<uint8_t>(at);
  }
  size_t size = 0;
  ends_[0] = 0;
  for (size_t i = 0; i < labels_; ++i) {
    const auto label = wire.subspan(starts[labels_ - 1 - i]);
    const size_t length = 1u + label[0];
    dns::FoldInto(label.first(length), reinterpret_cast<uint8_t*>(bytes_.data()) + size);
    size += length;
    ends_[i + 1] = static_cast<uint8_t>(size);
  }
}

dns::Name Zone::apex() const {
  return *dns::Name::FromWire(std::span(bytes_).first(apex_length_));
}

std::string_view Zone::folded_apex() const {
  return {reinterpret_cast<const char*>(bytes_.data()) + apex_length_, apex_length_};
}

std::string_view Zone::KeyOf(const Node& node) const {
  return {reinterpret_cast<const char*>(bytes_.data()) + node.key_offset, node.key_length};
}

Zone::Place Zone::PlaceAt(std::string_view key, size_t labels) const {
  const auto found =
      std::lower_bound(nodes_.begin(), nodes_.end(), key,
                       [this](const Node& node, std::string_view k) { return KeyOf(node) < k; });
  if (found == nodes_.end() || !KeyOf(*found).starts_with(key)) return {};
  if (found->key_length == key.size()) return {Place::Kind::kNode, &*found, labels};
  return {Place::Kind::kEmpty, nullptr, labels};
}

const Zone::Node* Zone::At(std::string_view key) const {
  return PlaceAt(key, 0).node;
}

Zone::Place Zone::Locate(const NodeKey& key) const {
  Place last;
  for (size_t labels = 0; labels <= key.labels(); ++labels) {
    const Place here = PlaceAt(key.Prefix(labels), labels);
    if (here.kind == Place::Kind::kNowhere) return {Place::Kind::kNowhere, nullptr, last.labels};
    last = here;
    if (here.node == nullptr) continue;
    if (labels > 0 && Find(*here.node, dns::Type::kNs) != nullptr) {
      return {Place::Kind::kBelowCut, here.node, labels};
    }
    if (labels < key.labels() && Find(*here.node, dns::Type::kDname) != nullptr) {
      return {Place::Kind::kBelowDname, here.node, labels};
    }
  }
  return last;
}

Zone::Place Zone::Wildcard(std::string_view encloser) const {
  std::array<char, dns::kMaxNameLength + 2> key;
  std::copy(encloser.begin(), encloser.end(), key.begin());
  key[encloser.size()] = 1;
  key[encloser.size() + 1] = '*';
  return PlaceAt({key.data(), encloser.size() + 2}, 0);
}

const Zone::RrSet* Zone::Find(const Node& node, dns::Type type) const {
  for (const RrSet& set : Sets(node)) {
    if (set.type == type) return &set;
  }
  return nullptr;
}

dns::Name Zone::NameIn(std::span<const uint8_t> rdata, size_t offset) {
  size_t end = 0;
  const auto name = dns::Name::FromMessage(rdata, offset, &end);
  return name ? *name : dns::Name();
}

dns::Name Zone::FirstName(const RrSet& set) const {
  return NameIn(std::span(bytes_).subspan(set.offset + 2u), 0);
}

size_t Zone::MemoryBytes() const {
  return sizeof(Zone) + bytes_.capacity() + nodes_.capacity() * sizeof(Node) +
         sets_.capacity() * sizeof(RrSet);
}

}  // namespace breakwater
