// A filter in the kernel (eBPF): datagrams and segments of clients that are blocked, or that ask
// for a name that is, are dropped before a listening socket has them. Clients by address and by
// range, names (exactly, whatever their case) with one type or with any. An address decides before
// ranges, the longest range before others, these before names. Each entry counts what it met.
//
// The kernel keeps the program of a socket for as long as the socket is open, whatever becomes of
// the object; what the object says later is then no longer heard. With `external` no program is
// loaded: another one (XDP) reads the pinned maps, laid out as kernel_filter_keys.h says.
//
// Any thread. Opened while the process still has its privileges; usable without them afterwards.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/guarded.h"
#include "proxy/base/netmask.h"
#include "proxy/base/result.h"
#include "proxy/dns/name.h"
#include "proxy/net/kernel_filter_keys.h"
#include "proxy/net/kernel_map.h"
#include "proxy/net/kernel_owner.h"
#include "proxy/net/socket_options.h"

namespace breakwater {

struct KernelFilterOptions {
  KernelMapSettings v4{};
  KernelMapSettings v6{};
  KernelMapSettings v4_ranges{};
  KernelMapSettings v6_ranges{};
  KernelMapSettings names{};
  bool external = false;
};

// One map of a filter; the texts are for the operator.
struct KernelTable {
  std::string_view of;      // what is in it
  std::string_view option;  // gives it room
  KernelMap map{};
};

class KernelFilter {
 public:
  // What a process that was killed has left in a pinned map for a time is taken out. The error says
  // what the kernel refused and what to do.
  static TextResult<std::shared_ptr<KernelFilter>> Open(const KernelFilterOptions& options);
  // Nothing is in the kernel, and whatever is asked is granted: to check a configuration.
  static std::shared_ptr<KernelFilter> Pretend(const KernelFilterOptions& options);

  bool external() const { return options_.external; }
  // Only others' programs can truncate.
  bool CanDo(KernelVerdict verdict) const {
    return verdict != KernelVerdict::kTruncate || external();
  }
  // Puts the program on a listening socket, in place of what was on it; connections accepted later
  // have it as well. Does nothing for an external filter.
  TextResult<void> Attach(int socket, SocketKind kind) const;

  // Errors: full, already there (block), not there (unblock), no map for it, a verdict that this
  // filter cannot give.
  enum class Stay : uint8_t { kUntilUnblocked, kWhileWeRun };
  TextResult<void> Block(const Address& client, KernelVerdict verdict,
                         Stay stay = Stay::kUntilUnblocked);
  TextResult<void> Unblock(const Address& client);
  TextResult<void> BlockName(const dns::Name& name, uint16_t type, KernelVerdict verdict);
  TextResult<void> UnblockName(const dns::Name& name, uint16_t type);
  // kIfItMatters: an error where the longest range that covers this one says the same, or where
  // none does and this one lets pass. The same range with another verdict is replaced.
  enum class RangeRule : uint8_t { kIfItMatters, kInAnyCase };
  TextResult<void> AddRange(const Netmask& range, KernelVerdict verdict, RangeRule when);
  TextResult<void> RemoveRange(const Netmask& range);

  // What the entry has met; none where it is not there.
  std::optional<uint64_t> HitsOf(const Address& client) const;
  // The same, and the entry is gone.
  std::optional<uint64_t> Take(const Address& client);

  struct ClientRow {
    Address client;
    KernelEntry entry;
  };
  struct RangeRow {
    Netmask range;
    KernelEntry entry;
  };
  struct NameRow {
    dns::Name name;
    uint16_t type = kKernelAnyType;
    KernelEntry entry;
  };
  // Sorted; IPv4 first.
  std::vector<ClientRow> Clients() const;
  std::vector<RangeRow> Ranges() const;
  std::vector<NameRow> Names() const;

 private:
  explicit KernelFilter(const KernelFilterOptions& options) : options_(options) {}
  TextResult<void> OpenMaps();
  TextResult<void> LoadPrograms();
  void TakeOutLeftovers();
  const KernelTable& TableOf(const Address& client) const { return client.IsV6() ? v6_ : v4_; }
  const KernelTable& TableOf(const Netmask& range) const {
    return range.network().IsV6() ? v6_ranges_ : v4_ranges_;
  }
  TextResult<void> Refuse(KernelVerdict verdict) const;

  KernelFilterOptions options_;
  bool pretended_ = false;
  uint32_t owner_ = kNoKernelOwner;
  KernelTable v4_{"IPv4 addresses", "ipv4MaxItems"};
  KernelTable v6_{"IPv6 addresses", "ipv6MaxItems"};
  KernelTable v4_ranges_{"ranges of IPv4 addresses", "cidr4MaxItems"};
  KernelTable v6_ranges_{"ranges of IPv6 addresses", "cidr6MaxItems"};
  KernelTable names_{"names", "qnamesMaxItems"};
  UniqueFd datagram_program_;
  UniqueFd stream_program_;
  mutable Mutex range_edit_;  // a look at what covers a range, and the change after it
};

std::string_view KernelVerdictText(KernelVerdict verdict);
// getStats(): a line for each entry with what it met.
std::string KernelFilterStatsText(const KernelFilter& filter);
// lsRangeRule(): a line for each range, with its verdict and what it met.
std::string KernelFilterRangesText(const KernelFilter& filter);

}  // namespace breakwater
