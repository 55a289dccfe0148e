// A query from its arrival to its answer, the object that every step hands along. One message
// buffer serves for both: the client's query is turned into the answer in place (self-made
// answers, cache hits), or a backend's answer is copied over it.
//
// Owned through QueryPtr; made, reset and reused by the QueryPool of one worker, used on that
// worker's thread alone. While it has not waited for anything its bytes lie in the listener's
// receive buffer; whatever waits (forward, delay, suspend) calls Detach() first.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/netmask.h"
#include "proxy/base/packet_pool.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/header.h"
#include "proxy/dns/name.h"
#include "proxy/dns/question.h"
#include "proxy/dnscrypt/session.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/query/at_end.h"
#include "proxy/query/connection_info.h"
#include "proxy/query/frontend.h"
#include "proxy/query/http_exchange.h"
#include "proxy/query/protocol.h"

namespace breakwater {

class ReplyTarget;

// Where in its listener the answer goes; the listener alone knows what the numbers mean.
struct ReturnPath {
  uint64_t a = 0;
  uint64_t b = 0;
};

struct ExtendedError {
  uint16_t code = 0;
  std::string text;
};

// What few queries carry; allocated at first use, emptied and kept when the query is reused.
struct QueryExtras {
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<ExtendedError> extended_errors;
  bool clear_extended_errors = false;       // the answer's own EDE options go first
  std::optional<ProxyValues> proxy_values;  // what rules said; see proxy_values.h
  std::optional<Netmask> ecs_v4;            // SetECSAction
  std::optional<Netmask> ecs_v6;
  std::string device_id;
  std::string device_name;
  std::string requestor_id;
  std::optional<MessageId> message_id;  // by which collectors know it
  std::vector<QueryMeta> metas;
  QueryEndTasks end_tasks;
  std::vector<uint8_t> restart_copy;  // dq:setRestartable(); empty: it cannot be restarted
  bool restart_copy_edns_added = false;
  bool restart_copy_ecs_added = false;
  void Clear();
};

// The part of a query that its reset simply overwrites.
struct QueryFields {
  // --- where it came from; set by the listener
  Protocol protocol = Protocol::kDoUdp;
  Frontend* frontend = nullptr;
  ReplyTarget* target = nullptr;  // null for queries of our own (refreshes)
  ReturnPath path;
  Address client;  // after PROXY protocol: the client it names
  Address local;   // the address asked
  MonoTime arrived;

  // --- the message: the query, later the answer
  uint8_t* data = nullptr;
  size_t size = 0;
  size_t capacity = 0;

  // --- as the client sent it; set by ParseQuestion in query_path.cc, never changed after
  uint16_t client_id = 0;
  uint16_t client_flags = 0;
  uint16_t client_udp_size = 0;  // 0 without EDNS
  bool client_has_edns = false;
  bool client_dnssec_ok = false;
  bool client_pads = false;       // over TLS: it sent a padding option
  bool client_keepalive = false;  // on a stream: it asks how long it may stay (RFC 7828)
  uint8_t client_name_length = 0;
  bool client_name_saved = false;  // Query::client_name holds the client's spelling

  // --- what is in `data` now
  dns::Question question;
  dns::Edns edns;                  // of the query; see ReparseEdns()
  bool is_response = false;        // `data` holds an answer
  bool question_left_out = false;  // of that answer: client_name has the name

  // --- what rules and Lua decided
  bool pool_set = false;
  bool skip_cache = false;
  bool use_ecs = true;  // SetDisableECSAction, dq.useECS
  bool ecs_override = false;
  bool ecs_override_set = false;  // else the global setting counts
  uint8_t ecs_prefix_v4 = 0;      // valid when ecs_prefix_set
  uint8_t ecs_prefix_v6 = 0;
  bool ecs_prefix_set = false;
  bool edns_added = false;  // the whole OPT is ours: out of the answer again
  bool ecs_added = false;   // the option is ours: out of the answer again
  bool self_answered = false;
  bool from_cache = false;
  bool stale_hit = false;
  bool last_good_hit = false;   // an answer past its time, for want of a better one
  bool raw_answer = false;      // SpoofPacket: leave EDNS alone
  bool answer_renamed = false;  // dr:changeName: the cache keeps the name that was asked
  Address answered_by;          // the backend; unset for hits and self-made answers
  uint32_t delay_ms = 0;
  std::optional<uint32_t> temp_failure_ttl;
  uint32_t max_returned_ttl = 0;  // 0: no cap
  uint8_t restarts = 0;
  bool asked_again = false;    // it had joined another, and asks for itself once that has failed
  bool restart_asked = false;  // a rule on the answer said so
  uint64_t suspended = 0;      // waits under this number (suspended.h); 0: it does not
  bool extras_used = false;
  bool sealed = false;  // it came sealed by DNSCrypt: Query::session is set
};

struct Query : QueryFields {
  std::string pool_name;  // the pool rules chose; empty: the default pool
  // The client's spelling, kept for the answer; valid where client_name_saved (Detach sets it).
  std::array<uint8_t, dns::kMaxNameLength> client_name;
  PacketBuffer owned;  // empty while the message lies in the listener's buffer
  std::shared_ptr<const ConnectionInfo> connection;  // null where there is nothing to tell
  std::unique_ptr<HttpExchange> http;                // over HTTPS alone
  // Seals the answer; valid where `sealed`, and wiped when the query ends.
  dnscrypt::Session session;

  bool tcp() const { return !IsDatagram(protocol); }
  // Whether backends are asked over a stream at once. Who came over HTTPS takes answers of any
  // size, and most fit a datagram: that is tried first.
  bool NeedsStream() const { return tcp() && protocol != Protocol::kDoh; }
  std::span<uint8_t> message() { return {data, size}; }
  std::span<const uint8_t> message() const { return {data, size}; }
  dns::Header header() { return dns::Header(data); }
  const dns::Header header() const { return dns::ConstHeader(data); }
  // The question's name as it stands in `data`, uncompressed wire form.
  std::span<const uint8_t> name() const {
    if (question_left_out) return {client_name.data(), client_name_length};
    return {data + dns::kHeaderSize, question.name_length};
  }
  // Where the records begin in `data`.
  size_t records_start() const { return question_left_out ? dns::kHeaderSize : question.end(); }
  // A zone transfer as a client on a stream gets it: perhaps many messages.
  bool IsTransfer() const {
    return tcp() && header().opcode() == dns::Opcode::kQuery &&
           (question.type == dns::Type::kAxfr || question.type == dns::Type::kIxfr);
  }
  dns::Name NameCopy() const;
  dns::EditBuffer edit() { return {data, size, capacity}; }
  void Take(const dns::EditBuffer& edited) { size = edited.size; }

  // Copies the message into memory of its own from `pool`, with room for `extra` more bytes, and
  // saves the client's spelling. Does nothing when that was done before.
  void Detach(PacketPool& pool, size_t extra = 512);
  bool detached() const { return !owned.empty(); }
  // Puts `bytes` in place of the message, in owned memory big enough for it.
  void ReplaceMessage(PacketPool& pool, std::span<const uint8_t> bytes, size_t extra = 512);
  void SaveClientName();
  // Room for `extra` more bytes behind the message; moves it to owned memory for that.
  void Reserve(PacketPool& pool, size_t extra);

  // Largest answer this client takes: 65,535 on streams, else 512 or its EDNS size; over DNSCrypt
  // no more than can be sealed.
  size_t MaxAnswerSize() const;

  QueryExtras& Extras();
  const QueryExtras* extras() const { return extras_used ? extras_.get() : nullptr; }
  const std::string* FindTag(std::string_view key) const;
  void SetTag(std::string_view key, std::string_view value);
  bool UnsetTag(std::string_view key);

  void Reset();  // runs the tasks of its end first

 private:
  std::unique_ptr<QueryExtras> extras_;
};

class QueryPool;

struct ReturnQuery {
  QueryPool* pool = nullptr;
  void operator()(Query* query) const;
};
using QueryPtr = std::unique_ptr<Query, ReturnQuery>;

// Free queries of one worker. Must outlive the queries it gave out.
class QueryPool {
 public:
  QueryPtr Get();
  PacketPool& packets() { return packets_; }
  size_t outstanding() const { return outstanding_; }
  ~QueryPool();

 private:
  friend struct ReturnQuery;
  PacketPool packets_;
  std::vector<Query*> free_;
  size_t outstanding_ = 0;
};

// One of our own that asks the same in the same pool, with the message as it stands.
QueryPtr CopyWithoutClient(const Query& query, QueryPool& pool);

// Gives the client of `query` to a query of its own, with the message as it stands; `query` is
// then one of ours, without a target. For a client that is answered before its question is.
QueryPtr SplitClient(Query& query, QueryPool& pool);

}  // namespace breakwater
