#include "proxy/rules/name_table.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/hash.h"

namespace breakwater {
namespace {

constexpr size_t kMaxLabels = 127;
constexpr size_t kHead = 2;  // in front of a name: its length, and whether it is in lower case
constexpr size_t kUnit = 4;  // names begin at multiples of this, so that 32 bits name many

using Wire = std::span<const uint8_t>;
using Folded = std::array<uint8_t, dns::kMaxNameLength>;

Wire Fold(Wire name, Folded& folded) {
  dns::FoldInto(name, folded.data());
  return {folded.data(), name.size()};
}

size_t LabelsOf(Wire name) {
  size_t labels = 0;
  for (size_t at = 0; name[at] != 0; at += 1u + name[at]) ++labels;
  return labels;
}

}  // namespace

// The names one behind the other in one block of memory, and a table of the places where they
// begin, by their hashes: open addressing, so that who is not here is mostly found out in one line
// of memory, and who is in two.
class NameTable::Data {
 public:
  size_t size() const { return count_; }

  Wire Find(Wire folded) const {
    const size_t slot = SlotOf(folded, HashOf(folded));
    return slots_.empty() || slots_[slot].place == 0 ? Wire() : NameAt(slots_[slot].place);
  }
  Wire FindSuffix(Wire folded) const {
    size_t labels = LabelsOf(folded);
    for (size_t at = 0;; at += 1u + folded[at], --labels) {
      if (depths_[labels] > 0) {
        if (const Wire found = Find(folded.subspan(at)); !found.empty()) return found;
      }
      if (labels == 0) return {};
    }
  }

  bool Add(Wire name, Wire folded) {
    if ((count_ + 1) * 5 > slots_.size() * 4) Grow();
    const uint32_t hash = HashOf(folded);
    Slot& slot = slots_[SlotOf(folded, hash)];
    if (slot.place != 0) return false;
    slot = {Append(name, std::equal(name.begin(), name.end(), folded.begin())), hash};
    ++count_;
    ++depths_[LabelsOf(folded)];
    return true;
  }
  // One that is here.
  void Remove(Wire folded) {
    size_t hole = SlotOf(folded, HashOf(folded));
    dead_ += Room(NameAt(slots_[hole].place).size());
    // What stands behind it comes nearer to where it belongs.
    for (size_t at = Next(hole); slots_[at].place != 0; at = Next(at)) {
      const size_t home = slots_[at].hash & (slots_.size() - 1);
      if (Distance(home, at) < Distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --count_;
    --depths_[LabelsOf(folded)];
    if (dead_ > 4096 && dead_ > bytes_.size() / 2) Compact();
  }

  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.place != 0) visit(NameAt(slot.place));
    }
  }

 private:
  struct Slot {
    uint32_t place = 0;  // of a name, in units; 0: nobody is here
    uint32_t hash = 0;
  };

  static uint32_t HashOf(Wire folded) {
    return static_cast<uint32_t>(HashBytes(folded, ProcessHashSeed()));
  }
  static size_t Room(size_t length) { return (kHead + length + kUnit - 1) / kUnit * kUnit; }
  const uint8_t* HeadAt(uint32_t place) const { return bytes_.data() + size_t{place} * kUnit; }
  Wire NameAt(uint32_t place) const { return {HeadAt(place) + kHead, HeadAt(place)[0]}; }

  bool Is(uint32_t place, Wire folded) const {
    const uint8_t* const head = HeadAt(place);
    if (head[0] != folded.size()) return false;
    const bool plain = head[1] != 0;
    return plain ? std::memcmp(head + kHead, folded.data(), folded.size()) == 0
                 : dns::EqualFold(NameAt(place), folded);
  }
  // Where the name is, or would be; 0 where there are no slots.
  size_t SlotOf(Wire folded, uint32_t hash) const {
    if (slots_.empty()) return 0;
    size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].place != 0; at = Next(at)) {
      if (slots_[at].hash == hash && Is(slots_[at].place, folded)) break;
    }
    return at;
  }
  size_t Next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  size_t Distance(size_t from, size_t to) const { return (to - from) & (slots_.size() - 1); }

  void Grow() {
    const std::vector<Slot> before = std::move(slots_);
    slots_.assign(before.empty() ? 4 : before.size() * 2, Slot());
    for (const Slot& slot : before) {
      if (slot.place == 0) continue;
      size_t at = slot.hash & (slots_.size() - 1);
      while (slots_[at].place != 0) at = Next(at);
      slots_[at] = slot;
    }
  }
  uint32_t Append(Wire name, bool plain) {
    if (bytes_.empty()) bytes_.resize(kUnit);  // no name is at place 0
    const size_t start = bytes_.size();
    const size_t room = Room(name.size());
    // A quarter more each time: doubling would waste more than it saves.
    if (bytes_.capacity() < start + room) bytes_.reserve(start + start / 4 + room);
    bytes_.resize(start + room);
    bytes_[start] = static_cast<uint8_t>(name.size());
    bytes_[start + 1] = plain ? 1 : 0;
    std::copy(name.begin(), name.end(), bytes_.begin() + static_cast<ptrdiff_t>(start + kHead));
    return static_cast<uint32_t>(start / kUnit);
  }
  void Compact() {
    Data fresh;
    fresh.bytes_.reserve(bytes_.size() - dead_);
    for (Slot& slot : slots_) {
      if (slot.place == 0) continue;
      slot.place = fresh.Append(NameAt(slot.place), HeadAt(slot.place)[1] != 0);
    }
    bytes_ = std::move(fresh.bytes_);
    dead_ = 0;
  }

  std::vector<uint8_t> bytes_;
  std::vector<Slot> slots_;  // a power of two; four fifths are used at most
  size_t count_ = 0;
  size_t dead_ = 0;                                // of bytes_, names that were removed
  std::array<uint32_t, kMaxLabels + 1> depths_{};  // how many names of so many labels
};

NameTable::Data& NameTable::Edit() {
  if (!data_) {
    data_ = std::make_shared<Data>();
  } else if (data_.use_count() > 1) {
    data_ = std::make_shared<Data>(*data_);
  }
  return *data_;
}

size_t NameTable::size() const {
  return data_ ? data_->size() : 0;
}

std::span<const uint8_t> NameTable::Find(std::span<const uint8_t> name) const {
  Folded folded;
  return data_ ? data_->Find(Fold(name, folded)) : Wire();
}

std::span<const uint8_t> NameTable::FindSuffix(std::span<const uint8_t> name) const {
  Folded folded;
  return data_ ? data_->FindSuffix(Fold(name, folded)) : Wire();
}

bool NameTable::Add(const dns::Name& name) {
  // Not copied for a name that is here.
  if (data_.use_count() > 1 && !Find(name.wire()).empty()) return false;
  Folded folded;
  return Edit().Add(name.wire(), Fold(name.wire(), folded));
}

bool NameTable::Remove(const dns::Name& name) {
  if (Find(name.wire()).empty()) return false;
  Folded folded;
  Edit().Remove(Fold(name.wire(), folded));
  return true;
}

std::vector<dns::Name> NameTable::Sorted() const {
  std::vector<dns::Name> names;
  if (!data_) return names;
  names.reserve(data_->size());
  data_->ForEach([&](Wire wire) {
    if (const auto name = dns::Name::FromWire(wire)) names.push_back(*name);
  });
  // From the last octet backwards, so that names of one zone stand together.
  std::sort(names.begin(), names.end(), [](const dns::Name& a, const dns::Name& b) {
    const Wire x = a.wire(), y = b.wire();
    const auto less = [](uint8_t c, uint8_t d) { return dns::FoldByte(c) < dns::FoldByte(d); };
    return std::lexicographical_compare(x.rbegin(), x.rend(), y.rbegin(), y.rend(), less);
  });
  return names;
}

}  // namespace breakwater
