#include "proxy/query/suspended.h"

#include <algorithm>
#include <utility>

#include "proxy/query/message_edit.h"
#include "proxy/query/restart.h"

namespace breakwater {
namespace {

// What rules on a time-out see: the question is known, but not in the message.
bool IsBareHeader(const Query& query) {
  return query.is_response && query.question_left_out && query.size == dns::kHeaderSize;
}

// Beside the message: the query itself, what few queries have, entries in tables.
size_t OverheadOf(const Query& query) {
  constexpr size_t kEntries = 256;
  size_t bytes = sizeof(Query) + kEntries;
  if (const QueryExtras* extras = query.extras(); extras != nullptr) {
    bytes += sizeof(QueryExtras) + extras->restart_copy.size();
    for (const auto& [name, value] : extras->tags) bytes += name.size() + value.size();
  }
  if (query.http) {
    bytes += sizeof(HttpExchange) + query.http->path.size() + query.http->query.size();
    bytes += query.http->body.size();
    for (const auto& [name, value] : query.http->headers) bytes += name.size() + value.size();
  }
  return bytes;
}

}  // namespace

HeldMessage::HeldMessage(const Query& query, const SelfAnswerStyle& style)
    : query_(CopyWithoutClient(query, pool_)), style_(style) {
  query_->connection = query.connection;
  if (query.http) query_->http = std::make_unique<HttpExchange>(*query.http);
  bytes_ = 2 * (OverheadOf(*query_) + query_->capacity);
}

void TakeBack(Query& query, const Query& changed, PacketPool& packets) {
  const QueryFields before = query;
  static_cast<QueryFields&>(query) = changed;
  query.target = before.target;
  query.path = before.path;
  query.data = before.data;
  query.size = before.size;
  query.capacity = before.capacity;
  query.extras_used = before.extras_used;
  query.sealed = before.sealed;
  query.ReplaceMessage(packets, changed.message());
  query.pool_name = changed.pool_name;
  query.client_name = changed.client_name;
  if (changed.extras() != nullptr) query.Extras() = *changed.extras();
  if (changed.http && query.http) *query.http = *changed.http;
}

void SuspendHome::Send(uint64_t id, SuspendEnd end, std::unique_ptr<HeldMessage> message) {
  // A message to a loop must be copyable.
  std::shared_ptr<HeldMessage> shared = std::move(message);
  post_.With([&](const Post& post) {
    if (!post) return;
    // Moved, so that its end is the worker's affair.
    post([home = shared_from_this(), id, end, held = std::move(shared)] {
      if (home->receiver_) home->receiver_(id, end, *held);
    });
  });
}

void SuspendHome::Close() {
  post_.With([](Post& post) { post = nullptr; });
  receiver_ = nullptr;
}

Suspended::Suspended(std::shared_ptr<SuspendHome> home, uint64_t id,
                     std::unique_ptr<HeldMessage> message)
    : home_(std::move(home)), id_(id), message_(std::move(message)) {}

Suspended& Suspended::operator=(Suspended&& other) noexcept {
  if (this == &other) return *this;
  (void)Drop();
  home_ = std::move(other.home_);
  id_ = other.id_;
  message_ = std::move(other.message_);
  return *this;
}

Suspended::~Suspended() {
  (void)Drop();
}

bool Suspended::End(SuspendEnd end) {
  if (message_ == nullptr) return false;
  home_->Send(id_, end, std::move(message_));
  return true;
}

bool SetHeldAnswer(HeldMessage& message, std::span<const uint8_t> packet) {
  Query& query = message.query();
  const bool late = IsBareHeader(query);
  if (!SetContent(query, message.packets(), packet)) return false;
  if (late) query.self_answered = true;
  query.skip_cache = true;
  return true;
}

bool AskForAnother(HeldMessage& message, const dns::Name& name, std::string_view former) {
  Query& query = message.query();
  const QueryExtras* const extras = query.extras();
  if (query.is_response &&
      (extras == nullptr || extras->restart_copy.empty() || query.restarts == UINT8_MAX)) {
    return false;
  }
  std::optional<HeldMessage> answer;  // in case that there is no room for the name
  if (query.is_response) {
    answer.emplace(query, message.style());
    PutBack(query, message.packets());
  }
  const auto before = query.name();
  const std::string old(before.begin(), before.end());
  if (!ChangeName(query, message.packets(), name)) {
    if (answer) TakeBack(query, answer->query(), message.packets());
    return false;
  }
  if (!former.empty()) query.SetTag(former, old);
  query.skip_cache = true;
  return true;
}

void SetHeldRCode(HeldMessage& message, uint16_t rcode, HeldRecords records) {
  Query& query = message.query();
  const bool ours = !query.is_response || query.self_answered || IsBareHeader(query);
  query.skip_cache = true;
  if (records == HeldRecords::kCleared || IsBareHeader(query)) {
    AnswerShape shape{.rcode = rcode, .flags = {.aa = false, .ad = false, .ra = {}}};
    const bool made = MakeAnswer(query,
                                 {.packets = message.packets(),
                                  .add_edns = message.style().add_edns,
                                  .udp_size = message.style().udp_size},
                                 shape);
    if (made) query.self_answered = ours;
    if (made) return;
  }
  dns::Header header = query.header();
  header.set_rcode(static_cast<dns::RCode>(rcode & dns::kRcodeMask));
  header.Set(dns::kFlagQr, true);
  header.Set(dns::kFlagAa, false);
  header.Set(dns::kFlagAd, false);
  header.Set(dns::kFlagRa, header.Has(dns::kFlagRd));
}

bool SuspendedTable::Add(const SuspendKey& key, std::shared_ptr<SuspendHome> home, uint64_t id,
                         std::unique_ptr<HeldMessage> message) {
  const size_t bytes = message == nullptr ? 0 : message->bytes();
  const size_t most_before = most_bytes_ - std::min(bytes, most_bytes_);
  const bool many = suspended_.fetch_add(1, std::memory_order_relaxed) >= kMost;
  const bool large = bytes_.fetch_add(bytes, std::memory_order_relaxed) > most_before;
  if (many || large) {
    Ended(bytes);
    return false;
  }
  const bool added = entries_.With([&](Entries& entries) {
    if (entries.contains(key.number())) return false;
    entries.emplace(key.number(), Suspended(std::move(home), id, std::move(message)));
    return true;
  });
  if (!added) Ended(bytes);
  return added;
}

std::optional<Suspended> SuspendedTable::Take(const SuspendKey& key) {
  return TakeIf(key, [](HeldMessage&) { return true; });
}

std::optional<Suspended> SuspendedTable::TakeIf(const SuspendKey& key,
                                                const std::function<bool(HeldMessage&)>& edit) {
  return entries_.With([&](Entries& entries) -> std::optional<Suspended> {
    const auto found = entries.find(key.number());
    if (found == entries.end() || !edit(found->second.message())) return std::nullopt;
    std::optional<Suspended> taken(std::move(found->second));
    entries.erase(found);
    return taken;
  });
}

std::optional<Suspended> SuspendedTable::TakeOf(const SuspendKey& key, const SuspendHome& home,
                                                uint64_t id) {
  return entries_.With([&](Entries& entries) -> std::optional<Suspended> {
    const auto found = entries.find(key.number());
    if (found == entries.end() || found->second.id() != id || !found->second.IsOf(home)) {
      return std::nullopt;
    }
    std::optional<Suspended> taken(std::move(found->second));
    entries.erase(found);
    return taken;
  });
}

}  // namespace breakwater
