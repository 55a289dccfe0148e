#include "proxy/query/query.h"

#include <algorithm>
#include <utility>

namespace breakwater {

void QueryExtras::Clear() {
  tags.clear();
  extended_errors.clear();
  clear_extended_errors = false;
  proxy_values.reset();
  ecs_v4.reset();
  ecs_v6.reset();
  device_id.clear();
  device_name.clear();
  requestor_id.clear();
  message_id.reset();
  metas.clear();
  restart_copy.clear();
}

dns::Name Query::NameCopy() const {
  const auto copy = dns::Name::FromWire(name());
  return copy ? *copy : dns::Name();
}

void Query::SaveClientName() {
  if (client_name_saved) return;
  client_name_length = static_cast<uint8_t>(question.name_length);
  std::memcpy(client_name.data(), data + dns::kHeaderSize, client_name_length);
  client_name_saved = true;
}

void Query::Detach(PacketPool& pool, size_t extra) {
  if (detached()) return;
  SaveClientName();
  ReplaceMessage(pool, message(), extra);
}

void Query::ReplaceMessage(PacketPool& pool, std::span<const uint8_t> bytes, size_t extra) {
  // No message is longer than that: a large one needs no room for another.
  constexpr size_t kLongest = 65535;
  const size_t wanted = std::max(bytes.size(), std::min(bytes.size() + extra, kLongest));
  if (owned.capacity() < wanted) {
    PacketBuffer bigger = pool.Get(wanted);
    std::memcpy(bigger.data(), bytes.data(), bytes.size());
    owned = std::move(bigger);
  } else {
    std::memmove(owned.data(), bytes.data(), bytes.size());
  }
  data = owned.data();
  size = bytes.size();
  capacity = owned.capacity();
}

void Query::Reserve(PacketPool& pool, size_t extra) {
  if (size + extra <= capacity) return;
  SaveClientName();
  ReplaceMessage(pool, message(), extra);
}

size_t Query::MaxAnswerSize() const {
  const size_t most = sealed ? session.max_answer : 65535;
  if (tcp()) return most;
  return std::min<size_t>(most, client_has_edns ? std::max<size_t>(512, client_udp_size) : 512);
}

QueryExtras& Query::Extras() {
  if (!extras_) extras_ = std::make_unique<QueryExtras>();
  extras_used = true;
  return *extras_;
}

const std::string* Query::FindTag(std::string_view key) const {
  if (!extras_used) return nullptr;
  for (const auto& [name, value] : extras_->tags) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Query::SetTag(std::string_view key, std::string_view value) {
  for (auto& [name, old] : Extras().tags) {
    if (name == key) {
      old = value;
      return;
    }
  }
  extras_->tags.emplace_back(key, value);
}

bool Query::UnsetTag(std::string_view key) {
  if (!extras_used) return false;
  return std::erase_if(extras_->tags, [&](const auto& tag) { return tag.first == key; }) > 0;
}

namespace {

// Copied, for a value made for each reset is made in memory first.
const QueryFields kFresh;

}  // namespace

void Query::Reset() {
  if (extras_used) {
    extras_->end_tasks.RunAll();
    extras_->Clear();
  }
  pool_name.clear();
  owned.Reset();
  if (connection) connection.reset();
  if (http) http.reset();
  if (sealed) dnscrypt::Wipe(session);
  static_cast<QueryFields&>(*this) = kFresh;
}

void ReturnQuery::operator()(Query* query) const {
  query->Reset();
  pool->free_.push_back(query);
  --pool->outstanding_;
}

QueryPtr QueryPool::Get() {
  Query* query = nullptr;
  if (free_.empty()) {
    query = new Query;
  } else {
    query = free_.back();
    free_.pop_back();
  }
  ++outstanding_;
  return QueryPtr(query, ReturnQuery{this});
}

namespace {

QueryPtr Copy(const Query& query, QueryPool& pool) {
  QueryPtr copy = pool.Get();
  static_cast<QueryFields&>(*copy) = query;
  copy->extras_used = false;
  if (const QueryExtras* extras = query.extras(); extras != nullptr) copy->Extras() = *extras;
  copy->pool_name = query.pool_name;
  copy->client_name = query.client_name;
  copy->connection = query.connection;
  if (query.sealed) copy->session = query.session;
  copy->ReplaceMessage(pool.packets(), query.message());
  return copy;
}

}  // namespace

QueryPtr CopyWithoutClient(const Query& query, QueryPool& pool) {
  QueryPtr copy = Copy(query, pool);
  copy->target = nullptr;
  copy->connection.reset();
  if (std::exchange(copy->sealed, false)) dnscrypt::Wipe(copy->session);
  return copy;
}

QueryPtr SplitClient(Query& query, QueryPool& pool) {
  QueryPtr client = Copy(query, pool);
  client->http = std::move(query.http);
  query.target = nullptr;
  return client;
}

QueryPool::~QueryPool() {
  for (Query* query : free_) delete query;
}

}  // namespace breakwater
