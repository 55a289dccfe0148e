#include "proxy/guard/timed_kernel_filter.h"

#include <algorithm>

namespace breakwater {

TextResult<TimedKernelFilter::Outcome> TimedKernelFilter::Block(const Address& client,
                                                                MonoTime until) {
  Address host = client;
  host.set_port(0);
  return state_.With([&](State& state) -> TextResult<Outcome> {
    if (state.excluded.Matches(host)) return Outcome::kExcluded;
    const auto held = state.until.find(host);
    if (held != state.until.end()) {
      held->second = std::max(held->second, until);
      return Outcome::kExtended;
    }
    auto blocked = filter_->Block(host, KernelVerdict::kDrop, KernelFilter::Stay::kWhileWeRun);
    if (!blocked) {
      return Fail(blocked.error());
    }
    state.until.emplace(host, until);
    return Outcome::kNew;
  });
}

void TimedKernelFilter::PurgeExpired(MonoTime now) {
  state_.With([&](State& state) {
    std::erase_if(state.until, [&](const auto& one) {
      if (one.second > now) return false;
      // An error means that somebody has unblocked it by hand.
      static_cast<void>(filter_->Unblock(one.first));
      return true;
    });
  });
}

void TimedKernelFilter::Exclude(const NetmaskGroup& networks) {
  state_.With([&](State& state) { state.excluded.AddAll(networks); });
}

void TimedKernelFilter::Include(const NetmaskGroup& networks) {
  state_.With([&](State& state) {
    for (const std::string& text : networks.ToStrings()) {
      if (const auto network = Netmask::Parse(text)) state.excluded.Exclude(*network);
    }
  });
}

std::vector<TimedKernelFilter::Row> TimedKernelFilter::List(MonoTime now) const {
  std::vector<Row> rows;
  for (const auto& [client, until] : state_.Copy().until) {
    if (until <= now) continue;
    rows.push_back(
        {.client = client,
         .seconds = static_cast<uint64_t>(((until - now).ns + 999'999'999) / 1'000'000'000),
         .blocks = filter_->HitsOf(client).value_or(0)});
  }
  return rows;
}

}  // namespace breakwater
