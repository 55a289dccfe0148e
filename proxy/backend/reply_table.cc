#include "proxy/backend/reply_table.h"

#include "proxy/dns/question.h"

namespace breakwater {
namespace {

// Where more of a socket's IDs are in use, a free one would not be found by drawing, and an
// attacker would find one that is not free.
constexpr size_t kMaxOnSocket = 32768;

}  // namespace

Result<uint32_t> ReplyTable::Add(uint16_t socket, FlightId flight, uint8_t attempt,
                                 std::span<const uint8_t> message) {
  const auto question = dns::ParseQuestion(message);
  if (!question) return Fail(question.error());
  if (socket >= sockets_.size()) sockets_.resize(socket + 1U);
  SocketList& list = sockets_[socket];
  if (list.count >= kMaxOnSocket) return Fail(Error::kLimit);
  uint16_t id = random_.U16();
  while (by_id_.contains(KeyOf(socket, id))) id = random_.U16();

  uint32_t number = static_cast<uint32_t>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Entry& entry = entries_[number];
  entry.flight = flight;
  entry.attempt = attempt;
  entry.sent = false;
  entry.socket = socket;
  entry.id = id;
  entry.name_length = question->name_length;
  entry.question.assign(message.begin(), message.begin() + static_cast<ptrdiff_t>(question->end()));
  entry.previous = kNone;
  entry.next = list.head;
  if (list.head != kNone) entries_[list.head].previous = number;
  list.head = number;
  ++list.count;
  by_id_[KeyOf(socket, id)] = number;
  by_attempt_[KeyOf(flight, attempt)] = number;
  return number;
}

uint32_t ReplyTable::Find(uint16_t socket, uint16_t id) const {
  const auto found = by_id_.find(KeyOf(socket, id));
  return found == by_id_.end() ? kNone : found->second;
}

uint32_t ReplyTable::FindAttempt(FlightId flight, uint8_t attempt) const {
  const auto found = by_attempt_.find(KeyOf(flight, attempt));
  if (found == by_attempt_.end() || entries_[found->second].flight != flight) return kNone;
  return found->second;
}

void ReplyTable::Remove(uint32_t number) {
  Entry& entry = entries_[number];
  SocketList& list = sockets_[entry.socket];
  (entry.previous == kNone ? list.head : entries_[entry.previous].next) = entry.next;
  if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
  --list.count;
  by_id_.erase(KeyOf(entry.socket, entry.id));
  const auto found = by_attempt_.find(KeyOf(entry.flight, entry.attempt));
  if (found != by_attempt_.end() && found->second == number) by_attempt_.erase(found);
  free_.push_back(number);
}

size_t ReplyTable::CountOn(uint16_t socket) const {
  return socket < sockets_.size() ? sockets_[socket].count : 0;
}

void ReplyTable::CollectSent(uint16_t socket, std::vector<uint32_t>* numbers) const {
  if (socket >= sockets_.size()) return;
  for (uint32_t at = sockets_[socket].head; at != kNone; at = entries_[at].next) {
    if (entries_[at].sent) numbers->push_back(at);
  }
}

}  // namespace breakwater
