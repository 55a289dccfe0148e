// Queries and answers that a script holds back (dq:suspend(), dr:suspend(), and set_async of
// ffi.C) until it, or another script on any thread, says how they go on.
//
// A Query never leaves its worker. What a script gets is a HeldMessage: a copy with memory of its
// own, which one thread at a time owns. The way of a suspension:
//
//   1. A rule calls RuleContext::suspender->Suspend() on the worker: the copy goes into the one
//      SuspendedTable of the program under a pair of numbers, and Query::suspended names the
//      worker's own entry. The chain ends, the query path parks the query (suspended_queries.h).
//   2. Whoever calls SuspendedTable::Take(), on any thread, owns the copy as a Suspended and may
//      change it. From then on there is no time-out. Resume() and Drop() send it home, by a
//      message to the worker; a Suspended that dies without either drops the query. Where nobody
//      takes it in time the worker takes it back, and the query goes on as it was.
//   3. The worker puts what was changed into the query, and goes on behind the chain that
//      suspended it. A client that has gone meanwhile, or a stop, ends the query there.
//
// Of all workers together at most kMost are suspended, and kMostBytes, those in the hands of a
// script too; beyond that, and for a pair in use, Suspend() says no and the rules go on. Nothing is
// shared without a lock: the table and each way home are Guarded, all else belongs to one thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/base/guarded.h"
#include "proxy/query/query.h"
#include "proxy/query/self_answer.h"

namespace breakwater {

// Chosen by the script, which keeps the pairs apart.
struct SuspendKey {
  uint16_t async_id = 0;
  uint16_t query_id = 0;
  bool operator==(const SuspendKey&) const = default;
  uint32_t number() const { return uint32_t{async_id} << 16 | query_id; }
};

// How self-made answers of its worker look.
struct SelfAnswerStyle {
  bool add_edns = true;
  uint16_t udp_size = 1232;
};

class HeldMessage {
 public:
  // Has no ReplyTarget: it cannot be answered from where it is.
  HeldMessage(const Query& query, const SelfAnswerStyle& style);
  Query& query() { return *query_; }
  const Query& query() const { return *query_; }
  PacketPool& packets() { return pool_.packets(); }
  const SelfAnswerStyle& style() const { return style_; }
  // What the suspension takes: this copy as it was made, and the query that waits for it.
  size_t bytes() const { return bytes_; }

 private:
  QueryPool pool_;
  QueryPtr query_;
  SelfAnswerStyle style_;
  size_t bytes_;
};

// What was changed in a held copy, put into the query it was made of; on the query's worker.
void TakeBack(Query& query, const Query& changed, PacketPool& packets);

enum class SuspendEnd : uint8_t { kResume, kDrop };

// The way to the worker of suspended queries; outlives it.
class SuspendHome : public std::enable_shared_from_this<SuspendHome> {
 public:
  // Runs on the worker's thread.
  using Receiver = std::function<void(uint64_t id, SuspendEnd end, HeldMessage& message)>;
  using Post = std::function<void(std::function<void()>)>;
  SuspendHome(Post post, Receiver receiver)
      : post_(std::move(post)), receiver_(std::move(receiver)) {}

  // Any thread. After Close() the message is thrown away.
  void Send(uint64_t id, SuspendEnd end, std::unique_ptr<HeldMessage> message);
  // The worker's thread, or once that has ended.
  void Close();

 private:
  Guarded<Post> post_;
  Receiver receiver_;  // the worker's alone
};

// The copy of a suspended query in somebody's hands; see above. Moved, never copied.
class Suspended {
 public:
  Suspended(std::shared_ptr<SuspendHome> home, uint64_t id, std::unique_ptr<HeldMessage> message);
  Suspended(Suspended&&) = default;
  Suspended& operator=(Suspended&& other) noexcept;
  ~Suspended();

  bool held() const { return message_ != nullptr; }
  uint64_t id() const { return id_; }
  bool IsOf(const SuspendHome& home) const { return home_.get() == &home; }
  HeldMessage& message() { return *message_; }
  // False where it has gone home before.
  bool Resume() { return End(SuspendEnd::kResume); }
  bool Drop() { return End(SuspendEnd::kDrop); }
  // The worker takes it back itself.
  void Forget() { message_.reset(); }

 private:
  bool End(SuspendEnd end);

  std::shared_ptr<SuspendHome> home_;
  uint64_t id_;
  std::unique_ptr<HeldMessage> message_;
};

// --- changes to what is held; the first two give false, and change nothing, where they cannot be
// made. An answer made of a query, or where time was up, is sent as one of ours.

// At least a header; the ID stays.
bool SetHeldAnswer(HeldMessage& message, std::span<const uint8_t> packet);
// A query that asks for `name` from now on; an answer becomes the query that set_restartable kept.
// The name it had, in wire form, goes into the tag `former` unless that is empty.
bool AskForAnother(HeldMessage& message, const dns::Name& name, std::string_view former);
// QR, AA and AD cleared, RA as RD; the records go where `records` says so.
enum class HeldRecords : uint8_t { kKept, kCleared };
void SetHeldRCode(HeldMessage& message, uint16_t rcode, HeldRecords records);

// All that is suspended; any thread.
class SuspendedTable {
 public:
  static constexpr size_t kMost = 65536;
  static constexpr size_t kMostBytes = size_t{512} << 20;
  explicit SuspendedTable(size_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  // False where the pair is in use or there are too many; then nothing was taken.
  bool Add(const SuspendKey& key, std::shared_ptr<SuspendHome> home, uint64_t id,
           std::unique_ptr<HeldMessage> message);
  std::optional<Suspended> Take(const SuspendKey& key);
  // Only where `edit`, called under the lock, gives true: else it stays where it is.
  std::optional<Suspended> TakeIf(const SuspendKey& key,
                                  const std::function<bool(HeldMessage&)>& edit);
  // Only where it is that one.
  std::optional<Suspended> TakeOf(const SuspendKey& key, const SuspendHome& home, uint64_t id);
  // One that was added, with so many bytes, has ended on its worker.
  void Ended(size_t bytes) {
    suspended_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  // A script asked for a name that AskForAnother() has no room for.
  void CountUnfitName() { unfit_names_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t TakeUnfitNames() { return unfit_names_.exchange(0, std::memory_order_relaxed); }
  // Of all workers, those in a script's hands too.
  size_t size() const { return suspended_.load(std::memory_order_relaxed); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  using Entries = absl::flat_hash_map<uint32_t, Suspended>;
  const size_t most_bytes_;
  Guarded<Entries> entries_;
  std::atomic<size_t> suspended_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> unfit_names_{0};
};

// What rules see of it, on their worker.
class Suspender {
 public:
  virtual ~Suspender() = default;
  // True: the chain ends with Flow::kSuspended, and nothing else touches the query.
  virtual bool Suspend(Query& query, const SuspendKey& key, uint32_t timeout_ms) = 0;
};

}  // namespace breakwater
