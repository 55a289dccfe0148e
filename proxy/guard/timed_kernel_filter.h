// Blocks of addresses in a kernel filter, each for a time (newDynBPFFilter). Networks may be left
// out: their addresses are never blocked. Any thread; PurgeExpired() must be called for blocks to
// end (the server does it for those that are registered).
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/guarded.h"
#include "proxy/base/netmask_tree.h"
#include "proxy/net/kernel_filter.h"

namespace breakwater {

class TimedKernelFilter {
 public:
  explicit TimedKernelFilter(std::shared_ptr<KernelFilter> filter) : filter_(std::move(filter)) {}

  enum class Outcome : uint8_t {
    kNew,
    kExtended,  // it was blocked before, perhaps for less
    kExcluded,
  };
  // The error is the filter's: it is full, or has the address already.
  TextResult<Outcome> Block(const Address& client, MonoTime until);
  void PurgeExpired(MonoTime now);

  void Exclude(const NetmaskGroup& networks);
  // Takes an exclusion back, or makes an exception from one.
  void Include(const NetmaskGroup& networks);

  struct Row {
    Address client;
    uint64_t seconds = 0;  // left
    uint64_t blocks = 0;   // what it met
  };
  std::vector<Row> List(MonoTime now) const;

 private:
  struct State {
    std::unordered_map<Address, MonoTime, AddressHash> until;  // ports are 0
    NetmaskGroup excluded;
  };
  const std::shared_ptr<KernelFilter> filter_;
  Guarded<State> state_;
};

}  // namespace breakwater
