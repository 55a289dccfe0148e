// Dynamic blocks: clients and names that are blocked for a time. Workers look at an immutable
// snapshot; while nothing is blocked that costs them one relaxed load. A change makes the next
// snapshot, of which only those parts are copied (the clients are spread over 256 of them) that
// changed. One for the process, in every Config; any thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/dns/name.h"
#include "proxy/guard/client_range.h"
#include "proxy/guard/dyn_block_settings.h"
#include "proxy/guard/kernel_blocks.h"
#include "proxy/guard/name_key.h"

namespace breakwater {

// Why something is blocked and what becomes of its queries; shared by all blocks of one rule.
struct DynBlockCause {
  std::string reason;
  DynBlockAction action = DynBlockAction::kNone;  // kNoOp for a warning
  bool warning = false;
  std::string tag_name{};  // of kSetTag
  std::string tag_value{};
};
using DynBlockCausePtr = std::shared_ptr<const DynBlockCause>;

struct DynBlock {
  DynBlockCausePtr cause;
  MonoTime until;
  std::shared_ptr<SharedCounter> hits{};  // queries that met it; kept when the block is refreshed
  bool in_kernel = false;                 // the kernel counts hits of its own then
  KernelVerdict kernel_verdict{};

  // What it does where the configuration says `standard`.
  DynBlockAction ActionOr(DynBlockAction standard) const {
    return cause->action == DynBlockAction::kNone ? standard : cause->action;
  }
};

// Blocks that met many queries lately, the most first for each reason.
struct DynBlockOffender {
  std::string reason;
  std::string what;  // a range of clients, or a name
  double hits_per_second = 0;
};
struct DynBlockOffenders {
  std::vector<DynBlockOffender> clients;
  std::vector<DynBlockOffender> names;
};

class DynBlockSnapshot {
 public:
  // The block of the smallest range that `client` is in, or null; those past their time are none.
  const DynBlock* FindClient(const Address& client, MonoTime now) const;
  // The block of the longest name that covers this one, in uncompressed wire form.
  const DynBlock* FindName(std::span<const uint8_t> name, MonoTime now) const;

  size_t clients() const { return client_count_; }
  size_t names() const { return name_count_; }
  // In no order, with those past their time. Names are in wire form, lower case.
  void ForEachClient(const std::function<void(const ClientRange&, const DynBlock&)>& visit) const;
  void ForEachName(const std::function<void(std::string_view, const DynBlock&)>& visit) const;

 private:
  friend class DynBlockTable;
  static constexpr size_t kClientParts = 256;
  static constexpr size_t kNameParts = 16;
  using ClientPart = absl::flat_hash_map<ClientRange, DynBlock, ClientRange::Hash>;
  using NamePart = absl::flat_hash_map<std::string, DynBlock, NameKeyHash, std::equal_to<>>;
  struct Mask {
    uint8_t bits;
    uint8_t port_bits;
  };

  std::array<std::shared_ptr<const ClientPart>, kClientParts> clients_;  // null: empty
  std::array<std::shared_ptr<const NamePart>, kNameParts> names_;
  std::array<std::vector<Mask>, 2> masks_;  // in use, v4 and v6, the longest first
  std::array<uint32_t, 128> depths_{};      // names of so many labels
  size_t client_count_ = 0;
  size_t name_count_ = 0;
};

class DynBlockTable {
 public:
  // How many there may be; what comes when the table is full is refused and counted.
  struct Limits {
    size_t clients = 250'000;
    size_t names = 100'000;
  };
  DynBlockTable() : DynBlockTable(Limits()) {}
  explicit DynBlockTable(const Limits& limits);

  enum class Outcome : uint8_t {
    kNew,        // or it takes the place of a warning, or of one past its time
    kRefreshed,  // it was blocked before and is so for longer now
    kKept,       // what there is lasts longer, or is more than a warning
    kFull,
  };

  // Several changes that workers see at once, when this ends. Holds the table meanwhile.
  class Edit {
   public:
    Edit(DynBlockTable& table, MonoTime now);
    ~Edit();
    Edit(const Edit&) = delete;
    Edit& operator=(const Edit&) = delete;

    Outcome BlockClient(const ClientRange& clients, const DynBlockCausePtr& cause, MonoTime until);
    Outcome BlockName(const dns::Name& name, const DynBlockCausePtr& cause, MonoTime until);
    bool UnblockClient(const ClientRange& clients);
    void MoveInKernel(std::shared_ptr<KernelFilter> filter, DynBlockAction standard);

   private:
    DynBlockTable& table_;
    MonoTime now_;
    std::unique_lock<Mutex> lock_;
    bool purged_ = false;
    std::shared_ptr<DynBlockSnapshot> next_;
    // Parts that are this edit's own.
    std::array<std::shared_ptr<DynBlockSnapshot::ClientPart>, DynBlockSnapshot::kClientParts>
        client_parts_;
    std::array<std::shared_ptr<DynBlockSnapshot::NamePart>, DynBlockSnapshot::kNameParts>
        name_parts_;
    friend class DynBlockTable;
    DynBlockSnapshot::ClientPart& ClientPartOf(size_t part);
    DynBlockSnapshot::NamePart& NamePartOf(size_t part);
    Outcome Put(DynBlock* held, const DynBlockCausePtr& cause, MonoTime until) const;
    Outcome PutClient(const ClientRange& clients, DynBlock* held, const DynBlock& wanted);
    bool Purge();
    void RemoveClient(size_t part, const ClientRange& range);
    void RemoveName(size_t part, std::string_view name);
    void ListMasks();
  };

  void Clear();
  // Takes out what is past its time.
  void Purge(MonoTime now);

  // The part of it that is in the kernel; nothing is before UseKernel().
  KernelBlocks& kernel() { return kernel_; }
  const KernelBlocks& kernel() const { return kernel_; }
  // From now on blocks are in this filter too (null: in none), those that there are as well.
  // `standard`: what a block does that does not say it.
  void UseKernel(std::shared_ptr<KernelFilter> filter, DynBlockAction standard, MonoTime now);
  // All that met it, in the kernel too.
  uint64_t HitsOf(const ClientRange& clients, const DynBlock& block) const {
    return block.hits->Get() + (block.in_kernel ? kernel_.HitsOf(clients) : 0);
  }

  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  // Never null.
  std::shared_ptr<const DynBlockSnapshot> Snapshot() const;
  uint64_t refused() const { return refused_.Get(); }  // for the table was full

  void SetOffenders(DynBlockOffenders offenders) {
    offenders_.With([&](DynBlockOffenders& held) { held = std::move(offenders); });
  }
  DynBlockOffenders offenders() const { return offenders_.Copy(); }

 private:
  void Publish(std::shared_ptr<const DynBlockSnapshot> next);

  const Limits limits_;
  std::atomic<uint64_t> version_{0};
  SharedCounter refused_;
  Guarded<DynBlockOffenders> offenders_;
  KernelBlocks kernel_;
  mutable Mutex mutex_;  // an edit holds it as long as it lives
  // Under mutex_.
  // By prefix length and port bits: how many ranges have it.
  std::array<std::map<std::pair<uint8_t, uint8_t>, size_t>, 2> mask_uses_;
  // What workers read, under a lock of its own: they must not wait for an edit.
  Guarded<std::shared_ptr<const DynBlockSnapshot>> current_;
  // Older ones that a worker may hold yet: let go here, so that no worker has to free one. Under
  // mutex_.
  std::vector<std::shared_ptr<const DynBlockSnapshot>> retired_;
};

// A worker's view of a table: the newest snapshot, taken where the version has changed.
class DynBlockView {
 public:
  // Null while nothing is blocked.
  const DynBlockSnapshot* Get(const DynBlockTable& table) {
    if (table.version() != version_) Renew(table);
    return snapshot_.get();
  }

 private:
  void Renew(const DynBlockTable& table);
  uint64_t version_ = 0;
  std::shared_ptr<const DynBlockSnapshot> snapshot_;
};

}  // namespace breakwater
