// Filters in the kernel (eBPF): newBPFFilter and newDynBPFFilter with their classes, and what of
// the configuration uses them.
#include <fmt/format.h>
#include <sys/socket.h>

#include "lua/bind_kernel_filters.h"
#include "lua/dyn_block_args.h"
#include "lua/object_args.h"
#include "proxy/guard/timed_kernel_filter.h"
#include "proxy/net/kernel_filter.h"

namespace breakwater::lua {

template <>
struct LuaClass<KernelFilter> {
  static constexpr const char* kName = "BPFFilter";
};
template <>
struct LuaClass<TimedKernelFilter> {
  static constexpr const char* kName = "DynBPFFilter";
};

namespace {

using FilterPtr = std::shared_ptr<KernelFilter>;
using TimedPtr = std::shared_ptr<TimedKernelFilter>;

constexpr uint32_t kDefaultSeconds = 10;

// --- newBPFFilter

// A number of entries, or a table: of options (1.8), or of a map's size and path (1.7).
using SizeArg = std::variant<uint32_t, Options>;

TextResult<void> ReadAll(Options& options, KernelFilterOptions* filter) {
  options.Read("external", &filter->external);
  options.Read("ipv4MaxItems", &filter->v4.max_items);
  options.Read("ipv4PinnedPath", &filter->v4.pinned_path);
  options.Read("ipv6MaxItems", &filter->v6.max_items);
  options.Read("ipv6PinnedPath", &filter->v6.pinned_path);
  options.Read("cidr4MaxItems", &filter->v4_ranges.max_items);
  options.Read("cidr4PinnedPath", &filter->v4_ranges.pinned_path);
  options.Read("cidr6MaxItems", &filter->v6_ranges.max_items);
  options.Read("cidr6PinnedPath", &filter->v6_ranges.pinned_path);
  options.Read("qnamesMaxItems", &filter->names.max_items);
  options.Read("qnamesPinnedPath", &filter->names.pinned_path);
  return options.Finish();
}

TextResult<void> ReadOne(SizeArg& arg, KernelMapSettings* map) {
  if (const auto* number = std::get_if<uint32_t>(&arg)) {
    map->max_items = *number;
    return {};
  }
  auto& options = std::get<Options>(arg);
  options.Read("maxItems", &map->max_items);
  options.Read("pinnedPath", &map->pinned_path);
  return options.Finish();
}

bool IsOneTable(SizeArg& first, const std::optional<SizeArg>& second) {
  auto* const options = std::get_if<Options>(&first);
  return options != nullptr && !second && !options->Has("maxItems");
}

TextResult<KernelFilterOptions> OptionsOf(SizeArg& first, std::optional<SizeArg>& second,
                                          std::optional<SizeArg>& third) {
  KernelFilterOptions options;
  if (IsOneTable(first, second)) {
    if (auto good = ReadAll(std::get<Options>(first), &options); !good) return Fail(good.error());
    return options;
  }
  if (auto good = ReadOne(first, &options.v4); !good) return Fail(good.error());
  if (second) {
    if (auto good = ReadOne(*second, &options.v6); !good) return Fail(good.error());
  }
  if (third) {
    if (auto good = ReadOne(*third, &options.names); !good) return Fail(good.error());
  }
  return options;
}

// Maps without room for one entry are not made; a path for one is a mistake.
TextResult<void> CheckSizes(Call& call, const KernelFilterOptions& options) {
  bool any = false;
  bool pinned = false;
  for (const KernelMapSettings* map :
       {&options.v4, &options.v6, &options.v4_ranges, &options.v6_ranges, &options.names}) {
    if (map->max_items == 0 && !map->pinned_path.empty()) {
      return Fail(
          fmt::format("a map is to be pinned at '{}' that has no room for entries: say how "
                      "many it may have (ipv4MaxItems and the like)",
                      map->pinned_path));
    }
    any = any || map->max_items > 0;
    pinned = pinned || !map->pinned_path.empty();
  }
  if (!any) {
    call.Warn(
        "the filter has room for nothing: give ipv4MaxItems, ipv6MaxItems, cidr4MaxItems, "
        "cidr6MaxItems or qnamesMaxItems");
  } else if (options.external && !pinned) {
    call.Warn(
        "the filter is external and none of its maps is pinned: no other program can find "
        "them; give ipv4PinnedPath and the like");
  }
  return {};
}

TextResult<FilterPtr> NewFilter(Call& call, SizeArg first, std::optional<SizeArg> second,
                                std::optional<SizeArg> third, std::optional<bool> external) {
  auto options = OptionsOf(first, second, third);
  if (!options) return Fail(options.error());
  options->external = external.value_or(options->external);
  if (auto good = CheckSizes(call, *options); !good) return Fail(good.error());
  const RuntimeOptions& run = call.runtime().options();
  if (run.check || run.client) return KernelFilter::Pretend(*options);
  return KernelFilter::Open(*options);
}

// --- BPFFilter

TextResult<KernelVerdict> VerdictOf(std::optional<uint32_t> number) {
  const uint32_t value = number.value_or(static_cast<uint32_t>(KernelVerdict::kDrop));
  if (value <= static_cast<uint32_t>(KernelVerdict::kTruncate)) {
    return static_cast<KernelVerdict>(value);
  }
  return Fail(fmt::format("action {} is none: 0 lets pass, 1 drops, 2 truncates", value));
}

TextResult<void> Block(KernelFilter& filter, const AddressArg& client,
                       std::optional<uint32_t> action) {
  const auto verdict = VerdictOf(action);
  if (!verdict) return Fail(verdict.error());
  return filter.Block(client.address, *verdict);
}
TextResult<void> Unblock(KernelFilter& filter, const AddressArg& client) {
  return filter.Unblock(client.address);
}
TextResult<void> BlockName(KernelFilter& filter, const NameArg& name, std::optional<uint16_t> type,
                           std::optional<uint32_t> action) {
  const auto verdict = VerdictOf(action);
  if (!verdict) return Fail(verdict.error());
  return filter.BlockName(name.name, type.value_or(kKernelAnyType), *verdict);
}
TextResult<void> UnblockName(KernelFilter& filter, const NameArg& name,
                             std::optional<uint16_t> type) {
  return filter.UnblockName(name.name, type.value_or(kKernelAnyType));
}
TextResult<void> AddRange(KernelFilter& filter, const NetmaskArg& range, uint32_t action,
                          std::optional<bool> force) {
  const auto verdict = VerdictOf(action);
  if (!verdict) return Fail(verdict.error());
  return filter.AddRange(range.netmask, *verdict,
                         force.value_or(false) ? KernelFilter::RangeRule::kInAnyCase
                                               : KernelFilter::RangeRule::kIfItMatters);
}
TextResult<void> RemoveRange(KernelFilter& filter, const NetmaskArg& range) {
  return filter.RemoveRange(range.netmask);
}

// Workers may have Lua while a large table is read.
template <auto Text>
std::string TextOf(Call& call, const FilterPtr& filter) {
  const LetGo let_go(call.runtime());
  return Text(*filter);
}

// Tried on a socket of our own first: what workers meet later can only be logged.
TextResult<void> AttachToAllBinds(Call& call, const FilterPtr& filter) {
  if (!call.runtime().AtRunTime()) {
    return Fail(
        std::string("there are no binds yet: setDefaultBPFFilter() gives them the filter when they "
                    "are opened"));
  }
  const UniqueFd trial(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (auto attached = filter->Attach(trial.get(), SocketKind::kUdp); !attached) return attached;
  DynBlocksOf(call).kernel().SetAttached(filter);
  call.builder().Edit();  // workers look when something is published
  return {};
}

// --- DynBPFFilter

TimedPtr NewTimed(const FilterPtr& filter) {
  return std::make_shared<TimedKernelFilter>(filter);
}
void PurgeExpired(Call& call, TimedKernelFilter& filter) {
  filter.PurgeExpired(call.runtime().clock().Now());
}
void Exclude(TimedKernelFilter& filter, const NetmasksArg& networks) {
  filter.Exclude(networks.group);
}
void Include(TimedKernelFilter& filter, const NetmasksArg& networks) {
  filter.Include(networks.group);
}

void AddBlocks(Call& call, const AddressCountsArg& clients, TimedKernelFilter& filter,
               std::optional<uint32_t> seconds, std::optional<std::string> message) {
  static LogLimiter limiter;
  const MonoTime now = call.runtime().clock().Now();
  const uint32_t how_long = seconds.value_or(kDefaultSeconds);
  for (const Address& client : clients.clients) {
    const auto outcome = filter.Block(client, now + MonoTime::FromSeconds(how_long));
    if (outcome && *outcome != TimedKernelFilter::Outcome::kNew) continue;
    uint64_t suppressed = 0;
    if (!limiter.Allow(now, &suppressed)) continue;
    if (suppressed > 0) LogWarning("guard", "{} more eBPF blocks were not logged", suppressed);
    if (outcome) {
      LogWarning("guard", "Inserting eBPF dynamic block for {} for {} seconds: {}",
                 client.ToString(), how_long, message.value_or(""));
    } else {
      LogWarning("guard", "no eBPF dynamic block: {}", outcome.error());
    }
  }
}

// --- the configuration

void SetDefault(Call& call, const FilterPtr& filter) {
  DynBlocksOf(call).UseKernel(filter, call.builder().config().settings.dyn_blocks.action,
                              call.runtime().clock().Now());
}
void Register(Call& call, const TimedPtr& filter) {
  DynBlocksOf(call).kernel().Register(filter);
}
void Unregister(Call& call, const TimedPtr& filter) {
  DynBlocksOf(call).kernel().Unregister(filter);
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kFilterMethods[] = {
    {"addRangeRule", Bind<&AddRange>, "BPFFilter:addRangeRule(Netmask , action [, force=false])",
     "Says what becomes of a network's queries: 0 they pass, 1 they are dropped, 2 truncated "
     "(external filters). The longest network counts. An error where that changes nothing, unless "
     "forced.",
     kAny},
    {"attachToAllBinds", Bind<&AttachToAllBinds>, "BPFFilter:attachToAllBinds()",
     "Puts the filter on all listening sockets, in place of the one they have. At run time; in "
     "the file setDefaultBPFFilter() does it."},
    {"block", Bind<&Block>, "BPFFilter:block(address [, action=1])",
     "Drops what comes from an address; 0 lets it pass whatever ranges and names say, 2 truncates "
     "(external filters).",
     kAny},
    {"blockQName", Bind<&BlockName>, "BPFFilter:blockQName(name [, qtype=65535 [, action=1]])",
     "Drops datagrams that ask for exactly this name, in any case and with this type; 65535 means "
     "every type.",
     kAny},
    {"getStats", Bind<&TextOf<&KernelFilterStatsText>>, "BPFFilter:getStats() -> string",
     "A line for each address, range and name, with how much it has met."},
    {"lsRangeRule", Bind<&TextOf<&KernelFilterRangesText>>, "BPFFilter:lsRangeRule() -> string",
     "A line for each range: the network, what becomes of it, how much it has met."},
    {"rmRangeRule", Bind<&RemoveRange>, "BPFFilter:rmRangeRule(Netmask)",
     "Removes what addRangeRule() said of exactly this network.", kAny},
    {"unblock", Bind<&Unblock>, "BPFFilter:unblock(address)", "Takes block() back.", kAny},
    {"unblockQName", Bind<&UnblockName>, "BPFFilter:unblockQName(name [, qtype=65535])",
     "Takes blockQName() back, for exactly this type.", kAny},
};
const ClassRow kFilterClass = {
    "BPFFilter", kFilterMethods,
    {},          nullptr,
    nullptr,     nullptr,
    nullptr,     "A filter in the kernel (eBPF), on listening sockets or for another program."};

constexpr FunctionRow kTimedMethods[] = {
    {"excludeRange", Bind<&Exclude>, "DynBPFFilter:excludeRange(netmasks)",
     "Networks whose addresses are never blocked.", kAny},
    {"includeRange", Bind<&Include>, "DynBPFFilter:includeRange(netmasks)",
     "Networks within those excluded whose addresses are.", kAny},
    {"purgeExpired", Bind<&PurgeExpired>, "DynBPFFilter:purgeExpired()",
     "Unblocks what is past its time; done each second for a filter that is registered.", kAny},
};
const ClassRow kTimedClass = {
    "DynBPFFilter", kTimedMethods, {},      nullptr,
    nullptr,        nullptr,       nullptr, "Blocks of addresses in a BPFFilter, each for a time."};

constexpr FunctionRow kFunctions[] = {
    {"addBPFFilterDynBlocks", Bind<&AddBlocks>,
     "addBPFFilterDynBlocks(addresses, dynbpf [, seconds=10 [, msg]])",
     "Blocks the clients of a table such as exceedQRate() gives, in the kernel alone."},
    {"newBPFFilter", Bind<&NewFilter>, "newBPFFilter({ipv4MaxItems=, ...}) -> BPFFilter",
     "A filter in the kernel: ipv4MaxItems, ipv6MaxItems, cidr4MaxItems, cidr6MaxItems and "
     "qnamesMaxItems say how many entries it may have (0 unless given), ipv4PinnedPath and the "
     "like where a map is to be found in a BPF file system, external=true that another program "
     "(XDP) reads the maps. Before 1.8 three tables {maxItems=, pinnedPath=}, before 1.7 three "
     "numbers: IPv4, IPv6, names. Needs Linux 5.3 and CAP_BPF; an error says what is missing."},
    {"newDynBPFFilter", Bind<&NewTimed>, "newDynBPFFilter(bpf) -> DynBPFFilter",
     "Blocks in a filter that end by themselves."},
    {"registerDynBPFFilter", Bind<&Register>, "registerDynBPFFilter(dynbpf)",
     "Ends its blocks in time, and shows them in the web server."},
    {"setDefaultBPFFilter", Bind<&SetDefault>, "setDefaultBPFFilter(filter)",
     "The filter of all binds, from their opening on; dynamic blocks of whole addresses that drop "
     "go into it too. At run time BPFFilter:attachToAllBinds() puts a filter on all binds.",
     Scope::kConfigOnly},
    {"unregisterDynBPFFilter", Bind<&Unregister>, "unregisterDynBPFFilter(dynbpf)",
     "Takes registerDynBPFFilter() back."},
};

}  // namespace

const ClassRow& KernelFilterClass() {
  return kFilterClass;
}
const ClassRow& TimedKernelFilterClass() {
  return kTimedClass;
}
FunctionPage KernelFilterFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
