// The kernel filters of the configuration, and the part of the dynamic blocks that is in the
// default one: whole addresses whose queries are dropped (an external filter's program may truncate
// as well). What the kernel refuses, as when its table is full, is blocked by us alone. Owned by a
// DynBlockTable, under whose lock Use, Settle and Remove are called; the rest: any thread.
#pragma once

#include <atomic>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/guard/client_range.h"
#include "proxy/guard/dyn_block_settings.h"
#include "proxy/net/kernel_filter.h"

namespace breakwater {

struct DynBlock;
class TimedKernelFilter;

class KernelBlocks {
 public:
  // setDefaultBPFFilter: on every bind from its opening on, and dynamic blocks go into it; null:
  // none.
  std::shared_ptr<KernelFilter> filter() const { return target_.Copy().filter; }
  // `standard`: what a block does that does not say it. None may be in the filter used before.
  void Use(std::shared_ptr<KernelFilter> filter, DynBlockAction standard);
  // BPFFilter:attachToAllBinds: workers put it on their sockets with the next configuration.
  std::shared_ptr<KernelFilter> attached() const { return attached_.Copy(); }
  void SetAttached(std::shared_ptr<KernelFilter> filter) {
    attached_.With([&](auto& held) { held = std::move(filter); });
  }
  // registerDynBPFFilter: what is past its time is taken out, and the web server lists the rest.
  std::vector<std::shared_ptr<TimedKernelFilter>> timed() const { return timed_.Copy(); }
  void Register(const std::shared_ptr<TimedKernelFilter>& filter);
  void Unregister(const std::shared_ptr<TimedKernelFilter>& filter);

  // Puts a block that is new, or has changed, into the kernel or takes it out; block->in_kernel
  // tells which.
  void Settle(const ClientRange& clients, DynBlock* block);
  // Takes it out, if it is in.
  void Remove(const ClientRange& clients, DynBlock* block);

  uint64_t HitsOf(const ClientRange& clients) const;  // in the kernel
  // Whether one may be past its time; false while none can be.
  bool EndedBy(MonoTime now) const { return first_end_ns_.load() <= now.ns; }
  // The first end of those that are left, as far as is known.
  void SetFirstEnd(MonoTime end) { first_end_ns_ = end.ns; }
  static constexpr MonoTime kNever{std::numeric_limits<int64_t>::max()};
  // Hits of blocks that were taken out since the last call.
  uint64_t TakeHits() { return hits_of_removed_.exchange(0); }

 private:
  struct Target {
    std::shared_ptr<KernelFilter> filter;
    DynBlockAction standard = DynBlockAction::kDrop;
  };
  Guarded<Target> target_;
  Guarded<std::shared_ptr<KernelFilter>> attached_;
  Guarded<std::vector<std::shared_ptr<TimedKernelFilter>>> timed_;
  std::atomic<int64_t> first_end_ns_{kNever.ns};
  std::atomic<uint64_t> hits_of_removed_{0};
};

}  // namespace breakwater
