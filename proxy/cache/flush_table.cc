#include "proxy/cache/flush_table.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/hash.h"
#include "proxy/cache/flush_number.h"

namespace breakwater {

// One flush. `epoch`, `hard` and `record` never change.
struct FlushTable::State {
  FlushId id = 0;
  uint32_t epoch = 0;
  bool hard = false;
  bool undone = false;  // under the table's mutex
  uint64_t pass = 0;    // the last pass that had begun before it
  MonoTime made;
  std::string_view caller{};  // the key in held_; empty: nobody's
  Record* record = nullptr;
  std::atomic<uint64_t> matched{0};
};

// All flushes of one name, type and reach. The pointers are what readers see: the newest soft
// flush unless it was undone, the one before it, the newest hard one. Earlier soft ones are
// covered by `older`, for only the newest can be undone.
struct FlushTable::Record {
  std::atomic<Record*> next{nullptr};
  uint64_t hash = 0;
  size_t kind = 0;
  dns::Type type{};
  std::string name;  // wire form, lower case
  std::atomic<State*> newest{nullptr};
  std::atomic<State*> older{nullptr};
  std::atomic<State*> hard{nullptr};
  State* last_soft = nullptr;  // also where undone; under the table's mutex
};

namespace {

constexpr size_t kSuffixKind = 2;
constexpr size_t kTypedKind = 1;

size_t KindOf(const FlushRequest& request) {
  return (request.suffix ? kSuffixKind : 0) + (request.type ? kTypedKind : 0);
}

uint64_t NameHash(std::span<const uint8_t> folded) {
  return HashBytes(folded, ProcessHashSeed() ^ 0x464c555348);
}

uint64_t MixKind(uint64_t hash, size_t kind, dns::Type type) {
  const uint64_t typed = (kind & kTypedKind) != 0 ? static_cast<uint64_t>(type) + 1 : 0;
  return (hash ^ (typed << 2 | kind)) * 0x9e3779b97f4a7c15u;
}

// Where each label of a name starts, the root's last.
struct Labels {
  std::array<uint8_t, 129> starts;
  size_t depth = 0;  // labels without the root

  explicit Labels(std::span<const uint8_t> name) {
    size_t at = 0;
    while (at < name.size() && name[at] != 0 && depth < 127) {
      starts[depth++] = static_cast<uint8_t>(at);
      at += 1u + name[at];
    }
    starts[depth] = static_cast<uint8_t>(at);
  }
};

}  // namespace

FlushTable::Garbage::Garbage() = default;
FlushTable::Garbage::Garbage(Garbage&&) noexcept = default;
FlushTable::Garbage& FlushTable::Garbage::operator=(Garbage&&) noexcept = default;
FlushTable::Garbage::~Garbage() = default;
bool FlushTable::Garbage::empty() const {
  return records.empty() && states.empty();
}

FlushTable::FlushTable(const FlushLimits& limits) : limits_(limits) {}

FlushTable::~FlushTable() {
  Bucket* buckets = buckets_.load();
  if (buckets == nullptr) return;
  for (size_t i = 0; i < kBuckets; ++i) {
    for (Record* record = buckets[i].load(); record != nullptr;) {
      const std::unique_ptr<Record> owned(record);
      record = owned->next.load();
    }
  }
}

FlushShare FlushTable::ShareOf(std::string_view caller) const {
  MutexLock lock(mutex_);
  const uint64_t left = limits_.max_flushes - std::min(states_.size(), limits_.max_flushes);
  const auto found = held_.find(caller);
  const uint64_t held = found == held_.end() ? 0 : found->second;
  return {.held = held, .most = caller.empty() ? held + left : (held + left) / 2};
}

FlushId FlushTable::Flush(const FlushRequest& request, MonoTime now, std::string_view caller) {
  MutexLock lock(mutex_);
  FlushRequest applied = request;
  if (states_.size() >= 2 * limits_.max_flushes) {
    // The sweeper cannot keep up. Too much flushed is right, too much memory is not; softly, for
    // one name's flush must not take every last good answer away.
    applied.hard = false;
    applied.name = dns::Name();
    applied.type.reset();
    applied.suffix = true;
  }
  Record* record = MakeRecord(applied);
  auto state = std::make_unique<State>();
  state->id = ReserveFlushNumbers(1);
  state->epoch = epoch_.load(std::memory_order_relaxed) + 1;
  state->hard = applied.hard;
  state->pass = passes_begun_;
  state->made = now;
  if (!caller.empty()) {
    const auto held = held_.try_emplace(std::string(caller), 0).first;
    ++held->second;
    state->caller = held->first;
  }
  state->record = record;
  if (applied.hard) {
    record->hard.store(state.get(), std::memory_order_release);
  } else {
    // `older` first: who sees the new `newest` must see what it covers.
    State* newest = record->newest.load(std::memory_order_relaxed);
    if (newest != nullptr) record->older.store(newest, std::memory_order_release);
    record->newest.store(state.get(), std::memory_order_release);
    record->last_soft = state.get();
  }
  states_.push_back(std::move(state));
  flush_count_.fetch_add(1, std::memory_order_relaxed);
  Publish();
  return states_.back()->id;
}

UndoResult FlushTable::Undo(FlushId id) {
  MutexLock lock(mutex_);
  State* state = FindState(id);
  if (state == nullptr || id <= drop_through_) return UndoResult::kUnknown;
  if (state->hard) return UndoResult::kHard;
  if (state->undone) return UndoResult::kUndone;
  if (state->record->last_soft != state) return UndoResult::kSuperseded;
  state->undone = true;
  state->record->newest.store(nullptr, std::memory_order_release);
  Publish();
  return UndoResult::kUndone;
}

std::optional<FlushStatus> FlushTable::StatusOf(FlushId id) const {
  MutexLock lock(mutex_);
  const State* state = FindState(id);
  if (state == nullptr) return std::nullopt;
  const Record& record = *state->record;
  FlushStatus status;
  status.id = id;
  const auto* wire = reinterpret_cast<const uint8_t*>(record.name.data());
  if (auto name = dns::Name::FromWire({wire, record.name.size()})) status.request.name = *name;
  if ((record.kind & kTypedKind) != 0) status.request.type = record.type;
  status.request.suffix = (record.kind & kSuffixKind) != 0;
  status.request.hard = state->hard;
  status.undone = state->undone;
  status.swept = passes_ended_ > state->pass;
  status.matched = state->matched.load(std::memory_order_relaxed);
  return status;
}

bool FlushTable::empty() const {
  MutexLock lock(mutex_);
  return states_.empty();
}

bool FlushTable::AllSwept() const {
  MutexLock lock(mutex_);
  return states_.empty() || passes_ended_ > states_.back()->pass;
}

template <typename Visit>
void FlushTable::VisitRecords(const FlushSubject& subject, Visit&& visit) const {
  std::array<uint8_t, dns::kMaxNameLength> folded;
  const Labels labels(subject.name);
  bool is_folded = false;
  for (size_t depth = labels.depth + 1; depth-- > 0;) {
    const size_t start = labels.starts[labels.depth - depth];
    std::optional<uint64_t> hash;
    for (size_t kind = 0; kind < kKinds; ++kind) {
      if ((kind & kSuffixKind) == 0 && depth != labels.depth) continue;
      if (!masks_[kind].Has(depth)) continue;
      if (!is_folded) dns::FoldInto(subject.name, folded.data());
      is_folded = true;
      const std::span<const uint8_t> name(folded.data() + start, subject.name.size() - start);
      if (!hash) hash = NameHash(name);
      const Record* record =
          FindRecord(MixKind(*hash, kind, subject.type), kind, name, subject.type);
      if (record != nullptr) visit(*record);
    }
  }
}

FlushVerdict FlushTable::Judge(const FlushSubject& subject) const {
  FlushVerdict verdict;
  VisitRecords(subject, [&](const Record& record) { Apply(record, subject, verdict); });
  return verdict;
}

FlushTable::Cause FlushTable::CauseOf(const FlushSubject& subject) const {
  Cause cause;
  VisitRecords(subject, [&](const Record& record) {
    for (const auto* slot : {&record.newest, &record.older, &record.hard}) {
      const State* state = slot->load(std::memory_order_acquire);
      if (state == nullptr || !EpochIsLater(state->epoch, subject.asked_epoch)) continue;
      if (state->id > cause.id) cause = {.id = state->id, .epoch = state->epoch};
    }
  });
  return cause;
}

void FlushTable::Apply(const Record& record, const FlushSubject& subject,
                       FlushVerdict& verdict) const {
  const auto applies = [&](const std::atomic<State*>& slot) {
    State* state = slot.load(std::memory_order_acquire);
    if (state == nullptr || !EpochIsLater(state->epoch, subject.asked_epoch)) return false;
    // Counted at the first check after it. One that is not published yet is met once more.
    if (EpochIsLater(state->epoch, subject.checked_epoch) &&
        !EpochIsLater(state->epoch, subject.now)) {
      state->matched.fetch_add(1, std::memory_order_relaxed);
      verdict.newly_due = true;
    }
    if (dropping_.load(std::memory_order_acquire) &&
        !EpochIsLater(state->epoch, drop_epoch_.load(std::memory_order_relaxed))) {
      verdict.settled = true;
    }
    return true;
  };
  if (applies(record.newest)) verdict.due = true;
  if (applies(record.older)) verdict.due = true;
  if (applies(record.hard)) verdict.gone = true;
}

FlushTable::Record* FlushTable::FindRecord(uint64_t hash, size_t kind,
                                           std::span<const uint8_t> name, dns::Type type) const {
  Bucket* buckets = buckets_.load(std::memory_order_acquire);
  if (buckets == nullptr) return nullptr;
  Record* record = buckets[hash >> 48].load(std::memory_order_acquire);
  for (; record != nullptr; record = record->next.load(std::memory_order_acquire)) {
    if (record->hash == hash && record->kind == kind &&
        ((kind & kTypedKind) == 0 || record->type == type) && record->name.size() == name.size() &&
        std::memcmp(record->name.data(), name.data(), name.size()) == 0) {
      return record;
    }
  }
  return nullptr;
}

FlushTable::Record* FlushTable::MakeRecord(const FlushRequest& request) {
  static_assert(kBuckets == size_t{1} << 16, "a bucket is chosen by the upper 16 bits");
  const std::string key = request.name.FoldedKey();
  const std::span<const uint8_t> name(reinterpret_cast<const uint8_t*>(key.data()), key.size());
  const size_t kind = KindOf(request);
  const dns::Type type = request.type.value_or(dns::Type{});
  const uint64_t hash = MixKind(NameHash(name), kind, type);
  if (Record* known = FindRecord(hash, kind, name, type); known != nullptr) return known;
  if (!bucket_memory_) {
    bucket_memory_ = std::make_unique<Bucket[]>(kBuckets);
    buckets_.store(bucket_memory_.get(), std::memory_order_release);
  }
  auto record = std::make_unique<Record>();
  record->hash = hash;
  record->kind = kind;
  record->type = type;
  record->name = key;
  Bucket& head = bucket_memory_[hash >> 48];
  record->next.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  Record* made = record.release();
  head.store(made, std::memory_order_release);
  const size_t depth = request.name.CountLabels();
  if (depth_counts_[kind][depth]++ == 0) {
    masks_[kind].depths[depth / 64].fetch_or(uint64_t{1} << (depth % 64),
                                             std::memory_order_release);
  }
  return made;
}

void FlushTable::RemoveRecord(Record* record, Garbage& garbage) {
  Bucket* link = &bucket_memory_[record->hash >> 48];
  while (link->load(std::memory_order_relaxed) != record) {
    link = &link->load(std::memory_order_relaxed)->next;
  }
  link->store(record->next.load(std::memory_order_relaxed), std::memory_order_release);
  const auto* wire = reinterpret_cast<const uint8_t*>(record->name.data());
  const size_t depth = Labels({wire, record->name.size()}).depth;
  if (--depth_counts_[record->kind][depth] == 0) {
    masks_[record->kind].depths[depth / 64].fetch_and(~(uint64_t{1} << (depth % 64)),
                                                      std::memory_order_release);
  }
  garbage.records.emplace_back(record);
}

FlushTable::State* FlushTable::FindState(FlushId id) const {
  const auto found = std::ranges::lower_bound(states_, id, {}, [](const auto& s) { return s->id; });
  return found == states_.end() || (*found)->id != id ? nullptr : found->get();
}

void FlushTable::Publish() {
  epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void FlushTable::BeginPass(MonoTime now) {
  MutexLock lock(mutex_);
  ++passes_begun_;
  const size_t surplus =
      states_.size() > limits_.max_flushes ? states_.size() - limits_.max_flushes : 0;
  size_t count = surplus;
  while (count < states_.size() && now - states_[count]->made >= limits_.undo_window) ++count;
  if (count == 0) return;
  const State& last = *states_[count - 1];
  drop_through_ = last.id;
  // From here on the answers asked for before them are no longer taken in, so that after the pass
  // no entry is left that they concern.
  floor_.store(last.epoch, std::memory_order_release);
  drop_epoch_.store(last.epoch, std::memory_order_relaxed);
  dropping_.store(true, std::memory_order_release);
}

void FlushTable::EndPass() {
  MutexLock lock(mutex_);
  passes_ended_ = passes_begun_;
  dropping_.store(false, std::memory_order_release);
}

FlushTable::Garbage FlushTable::TakeGarbage(size_t max_states) {
  Garbage garbage;
  MutexLock lock(mutex_);
  while (!states_.empty() && states_.front()->id <= drop_through_ &&
         garbage.states.size() < max_states) {
    State* state = states_.front().get();
    Record* record = state->record;
    for (auto* slot : {&record->newest, &record->older, &record->hard}) {
      if (slot->load(std::memory_order_relaxed) == state) {
        slot->store(nullptr, std::memory_order_release);
      }
    }
    if (record->last_soft == state) record->last_soft = nullptr;
    if (const auto held = held_.find(state->caller); held != held_.end() && --held->second == 0) {
      held_.erase(held);
    }
    const bool unused = record->newest.load() == nullptr && record->older.load() == nullptr &&
                        record->hard.load() == nullptr && record->last_soft == nullptr;
    garbage.states.push_back(std::move(states_.front()));
    states_.pop_front();
    if (unused) RemoveRecord(record, garbage);
  }
  return garbage;
}

}  // namespace breakwater
