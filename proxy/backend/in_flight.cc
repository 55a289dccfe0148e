#include "proxy/backend/in_flight.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace breakwater {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint32_t kChunk = 256;

struct Fifo;

// A flight waits for each of its attempts, and perhaps for its reminders: one link each. A link's
// number is slot * kLinks + attempt.
constexpr uint32_t kLinks = kMaxAttempts + 2;
constexpr uint32_t kSlowLink = kMaxAttempts;
constexpr uint32_t kPatienceLink = kMaxAttempts + 1;

// A place in the FIFO of its length.
struct Link {
  Fifo* fifo = nullptr;  // null: in none
  uint32_t previous = kNone;
  uint32_t next = kNone;
  MonoTime deadline;
};

struct Slot {
  Flight flight;
  uint32_t generation = 1;
  uint32_t next_free = kNone;
  bool open = false;
  std::array<Link, kLinks> links;
};

// What waits equally long, so in order of the deadlines. The timer stands at what was the head's
// deadline when it was set: heads that get their answer do not move it.
struct Fifo {
  uint32_t head = kNone;
  uint32_t tail = kNone;
  TimerId timer = 0;
};

}  // namespace

struct InFlight::Impl {
  QuerySink& sink;
  TimerQueue& timers;
  // Chunks, so that a Flight stays where it is while others are opened.
  std::vector<std::unique_ptr<std::array<Slot, kChunk>>> chunks;
  uint32_t free_head = kNone;
  size_t open = 0;
  size_t overdue = 0;
  std::vector<std::unique_ptr<Fifo>> fifos;
  std::unordered_map<uint32_t, Fifo*> fifo_of_ms;

  Impl(QuerySink& the_sink, TimerQueue& the_timers) : sink(the_sink), timers(the_timers) {}

  Slot& At(uint32_t slot) { return (*chunks[slot / kChunk])[slot % kChunk]; }
  Link& LinkAt(uint32_t number) { return At(number / kLinks).links[number % kLinks]; }
  Slot* FindSlot(FlightId id) {
    if (id.slot / kChunk >= chunks.size()) return nullptr;
    Slot& slot = At(id.slot);
    return slot.open && slot.generation == id.generation ? &slot : nullptr;
  }

  bool IsOpen(FlightId id, uint8_t attempt) {
    const Slot* slot = FindSlot(id);
    return slot != nullptr && attempt < slot->flight.attempt_count &&
           slot->flight.attempts[attempt].exchange != nullptr;
  }
  void AddChunk();
  Fifo& FifoFor(uint32_t timeout_ms);
  void PushBack(Fifo& fifo, uint32_t number, MonoTime deadline);
  void Unlink(uint32_t number);
  void Arm(Fifo& fifo);
  void RunFifo(Fifo& fifo, MonoTime now);
  void TimeOut(uint32_t number);
  bool End(Slot& slot, uint32_t slot_number, uint8_t attempt);
  void EndFrom(Slot& slot, FlightId id, uint8_t first);
  static void Clear(Flight& flight);
  void Free(Slot& slot, uint32_t slot_number);
};

void InFlight::Impl::AddChunk() {
  const auto first = static_cast<uint32_t>(chunks.size()) * kChunk;
  chunks.push_back(std::make_unique<std::array<Slot, kChunk>>());
  for (uint32_t i = kChunk; i-- > 0;) {
    At(first + i).next_free = free_head;
    free_head = first + i;
  }
}

Fifo& InFlight::Impl::FifoFor(uint32_t timeout_ms) {
  Fifo*& fifo = fifo_of_ms[timeout_ms];
  if (fifo == nullptr) fifo = fifos.emplace_back(std::make_unique<Fifo>()).get();
  return *fifo;
}

void InFlight::Impl::PushBack(Fifo& fifo, uint32_t number, MonoTime deadline) {
  LinkAt(number) = Link{&fifo, fifo.tail, kNone, deadline};
  if (fifo.tail == kNone) {
    fifo.head = number;
  } else {
    LinkAt(fifo.tail).next = number;
  }
  fifo.tail = number;
  if (fifo.timer == 0) Arm(fifo);
}

void InFlight::Impl::Unlink(uint32_t number) {
  Link& link = LinkAt(number);
  if (link.fifo == nullptr) return;
  (link.previous == kNone ? link.fifo->head : LinkAt(link.previous).next) = link.next;
  (link.next == kNone ? link.fifo->tail : LinkAt(link.next).previous) = link.previous;
  link = Link{};
}

void InFlight::Impl::Arm(Fifo& fifo) {
  if (fifo.head == kNone) return;
  const MonoTime when = LinkAt(fifo.head).deadline;
  fifo.timer = timers.Add(when, [this, &fifo, when] {
    fifo.timer = 0;
    RunFifo(fifo, when);
    if (fifo.timer == 0) Arm(fifo);
  });
}

void InFlight::Impl::RunFifo(Fifo& fifo, MonoTime now) {
  while (fifo.head != kNone && LinkAt(fifo.head).deadline <= now) {
    const uint32_t number = fifo.head;
    Unlink(number);
    TimeOut(number);
  }
}

void InFlight::Impl::TimeOut(uint32_t number) {
  const uint32_t slot_number = number / kLinks;
  const auto attempt = static_cast<uint8_t>(number % kLinks);
  Slot& slot = At(slot_number);
  const FlightId id{slot_number, slot.generation};
  if (attempt == kSlowLink) return sink.OnSlow(id);
  if (attempt == kPatienceLink) return sink.OnPatienceOver(id);
  slot.flight.attempts[attempt].exchange->Cancel(id, attempt);
  sink.OnFailure(id, attempt, FailureKind::kTimeout);
  // The sink ends the attempt; one that cares for nothing must not leave it counted.
  if (Slot* still_open = FindSlot(id)) End(*still_open, slot_number, attempt);
}

bool InFlight::Impl::End(Slot& slot, uint32_t slot_number, uint8_t attempt) {
  if (attempt >= slot.flight.attempt_count) return false;
  Attempt& ended = slot.flight.attempts[attempt];
  if (ended.exchange == nullptr) return false;
  ended.exchange = nullptr;
  ended.backend->SubOutstanding();
  Unlink(slot_number * kLinks + attempt);
  return true;
}

InFlight::InFlight(QuerySink& sink, TimerQueue& timers)
    : impl_(std::make_unique<Impl>(sink, timers)) {}

InFlight::~InFlight() {
  for (const auto& fifo : impl_->fifos) impl_->timers.Cancel(fifo->timer);
  for (const FlightId id : OpenIds()) {
    Slot& slot = impl_->At(id.slot);
    // The exchanges may be gone by now: nothing is cancelled there.
    for (uint8_t i = 0; i < slot.flight.attempt_count; ++i) impl_->End(slot, id.slot, i);
  }
}

FlightId InFlight::Open(QueryPtr query, MonoTime now) {
  if (impl_->free_head == kNone) impl_->AddChunk();
  const uint32_t number = impl_->free_head;
  Slot& slot = impl_->At(number);
  impl_->free_head = slot.next_free;
  slot.open = true;
  slot.flight.query = std::move(query);
  slot.flight.asked = now;
  ++impl_->open;
  return {number, slot.generation};
}

Flight* InFlight::Find(FlightId id) {
  Slot* slot = impl_->FindSlot(id);
  return slot == nullptr ? nullptr : &slot->flight;
}

size_t InFlight::size() const {
  return impl_->open;
}

Result<uint8_t> InFlight::StartAttempt(FlightId id, const AttemptPlan& plan, MonoTime now) {
  Slot* slot = impl_->FindSlot(id);
  if (slot == nullptr) return Fail(Error::kNotFound);
  Flight& flight = slot->flight;
  if (flight.attempt_count >= kMaxAttempts) return Fail(Error::kLimit);
  const uint8_t attempt = flight.attempt_count;
  const Query& query = *flight.query;
  const bool own = flight.purpose == FlightPurpose::kZoneQuestion;
  const OutgoingQuery outgoing{.message = query.message(), .query = own ? nullptr : &query};
  if (auto sent = plan.exchange.Send(id, attempt, outgoing); !sent) return Fail(sent.error());
  flight.attempts[attempt] = Attempt{plan.backend, &plan.exchange, now};
  ++flight.attempt_count;
  plan.backend->AddOutstanding();
  impl_->PushBack(impl_->FifoFor(plan.timeout_ms), id.slot * kLinks + attempt,
                  now + MonoTime::FromMs(plan.timeout_ms));
  return attempt;
}

void InFlight::Prolong(FlightId id, uint8_t attempt, MonoTime now, uint32_t timeout_ms) {
  StopTimeout(id, attempt);
  if (!impl_->IsOpen(id, attempt)) return;
  impl_->PushBack(impl_->FifoFor(timeout_ms), id.slot * kLinks + attempt,
                  now + MonoTime::FromMs(timeout_ms));
}

void InFlight::StopTimeout(FlightId id, uint8_t attempt) {
  if (impl_->IsOpen(id, attempt)) impl_->Unlink(id.slot * kLinks + attempt);
}

bool InFlight::EndAttempt(FlightId id, uint8_t attempt) {
  Slot* slot = impl_->FindSlot(id);
  return slot != nullptr && impl_->End(*slot, id.slot, attempt);
}

// The attempts from `first` on, and all reminders.
void InFlight::Impl::EndFrom(Slot& slot, FlightId id, uint8_t first) {
  for (uint8_t i = first; i < slot.flight.attempt_count; ++i) {
    Exchange* exchange = slot.flight.attempts[i].exchange;
    if (End(slot, id.slot, i)) exchange->Cancel(id, i);
  }
  Unlink(id.slot * kLinks + kSlowLink);
  Unlink(id.slot * kLinks + kPatienceLink);
}

void InFlight::Impl::Clear(Flight& flight) {
  for (uint8_t i = 0; i < flight.attempt_count; ++i) flight.attempts[i].backend.reset();
  flight.attempt_count = 0;
  flight.purpose = FlightPurpose::kClient;
  flight.drill.reset();
  flight.over_stream = false;
  flight.parts = 0;
  flight.cache.reset();
  flight.has_scope_zero_key = false;
  flight.asked_epoch = 0;
  flight.asked_size = 0;
  flight.refreshes = false;
  flight.awaits = false;
  flight.zone_labels = 0;
  flight.patience_runs = false;
  flight.refresh.reset();
  flight.bad.reset();
  flight.unproved.reset();
  flight.meanwhile.reset();
  flight.waiters.clear();
  flight.join_hash = 0;
}

void InFlight::Impl::Free(Slot& slot, uint32_t slot_number) {
  if (slot.flight.purpose == FlightPurpose::kOverdue) --overdue;
  Clear(slot.flight);
  slot.open = false;
  ++slot.generation;
  slot.next_free = free_head;
  free_head = slot_number;
  --open;
}

QueryPtr InFlight::Close(FlightId id) {
  Slot* slot = impl_->FindSlot(id);
  if (slot == nullptr) return nullptr;
  impl_->EndFrom(*slot, id, 0);
  QueryPtr query = std::move(slot->flight.query);
  impl_->Free(*slot, id.slot);
  return query;
}

Flight InFlight::Take(FlightId id) {
  Slot* slot = impl_->FindSlot(id);
  if (slot == nullptr) return {};
  impl_->EndFrom(*slot, id, 0);
  Flight taken = std::move(slot->flight);
  impl_->Free(*slot, id.slot);
  return taken;
}

Flight InFlight::TakeButOverdue(FlightId id, uint8_t answered, QueryPtr question) {
  Slot* slot = impl_->FindSlot(id);
  if (slot == nullptr) return {};
  impl_->EndFrom(*slot, id, answered);
  const auto attempts = slot->flight.attempts;
  Flight taken = std::move(slot->flight);
  for (Attempt& attempt : taken.attempts) attempt.exchange = nullptr;
  Flight& left = slot->flight;
  impl_->Clear(left);
  left.query = std::move(question);
  left.purpose = FlightPurpose::kOverdue;
  std::copy_n(attempts.begin(), answered, left.attempts.begin());
  left.attempt_count = answered;
  ++impl_->overdue;
  return taken;
}

size_t InFlight::overdue() const {
  return impl_->overdue;
}

void InFlight::CallAfter(FlightId id, Reminder what, MonoTime now, uint32_t ms) {
  if (impl_->FindSlot(id) == nullptr) return;
  const uint32_t link = what == Reminder::kSlow ? kSlowLink : kPatienceLink;
  const uint32_t number = id.slot * kLinks + link;
  impl_->Unlink(number);
  impl_->PushBack(impl_->FifoFor(ms), number, now + MonoTime::FromMs(ms));
}

void InFlight::RunTimeouts(MonoTime now) {
  // By index: the sink may start attempts, and with them add a FIFO.
  for (size_t i = 0; i < impl_->fifos.size(); ++i) impl_->RunFifo(*impl_->fifos[i], now);
}

std::vector<FlightId> InFlight::OpenIds() const {
  std::vector<FlightId> ids;
  ids.reserve(impl_->open);
  for (uint32_t i = 0; i < impl_->chunks.size() * kChunk; ++i) {
    const Slot& slot = impl_->At(i);
    if (slot.open) ids.push_back({i, slot.generation});
  }
  return ids;
}

}  // namespace breakwater
