#include "proxy/guard/kernel_blocks.h"

#include <algorithm>
#include <utility>

#include "proxy/guard/dyn_block_table.h"

namespace breakwater {
namespace {

KernelVerdict VerdictOf(DynBlockAction action) {
  if (action == DynBlockAction::kDrop) return KernelVerdict::kDrop;
  if (action == DynBlockAction::kTruncate) return KernelVerdict::kTruncate;
  return KernelVerdict::kPass;
}

}  // namespace

void KernelBlocks::Use(std::shared_ptr<KernelFilter> filter, DynBlockAction standard) {
  target_.With([&](Target& target) { target = {std::move(filter), standard}; });
}

void KernelBlocks::Register(const std::shared_ptr<TimedKernelFilter>& filter) {
  timed_.With([&](auto& held) {
    if (std::find(held.begin(), held.end(), filter) == held.end()) held.push_back(filter);
  });
}

void KernelBlocks::Unregister(const std::shared_ptr<TimedKernelFilter>& filter) {
  timed_.With([&](auto& held) { std::erase(held, filter); });
}

void KernelBlocks::Settle(const ClientRange& clients, DynBlock* block) {
  const Target target = target_.Copy();
  if (target.filter == nullptr) return;
  const KernelVerdict verdict = VerdictOf(block->ActionOr(target.standard));
  const bool whole = clients.bits() == (clients.v6() ? 128u : 32u) && clients.port_bits() == 0;
  if (!whole || verdict == KernelVerdict::kPass || !target.filter->CanDo(verdict)) {
    Remove(clients, block);
    return;
  }
  if (block->in_kernel && block->kernel_verdict != verdict) Remove(clients, block);
  if (!block->in_kernel) {
    block->in_kernel =
        target.filter->Block(clients.network(), verdict, KernelFilter::Stay::kWhileWeRun)
            .has_value();
    block->kernel_verdict = verdict;
  }
  if (block->in_kernel) first_end_ns_ = std::min(first_end_ns_.load(), block->until.ns);
}

void KernelBlocks::Remove(const ClientRange& clients, DynBlock* block) {
  if (!std::exchange(block->in_kernel, false)) return;
  const Target target = target_.Copy();
  if (target.filter == nullptr) return;
  const uint64_t hits = target.filter->Take(clients.network()).value_or(0);
  block->hits->Add(hits);
  hits_of_removed_ += hits;
}

uint64_t KernelBlocks::HitsOf(const ClientRange& clients) const {
  const Target target = target_.Copy();
  if (target.filter == nullptr) return 0;
  return target.filter->HitsOf(clients.network()).value_or(0);
}

}  // namespace breakwater
