// Dynamic blocks one by one: made, shown and removed; and the counts over the rings that older
// configurations make them from.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lua/dyn_block_args.h"
#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/guard/dyn_block_report.h"

namespace breakwater::lua {

// A block as getDynamicBlocks() gives it.
struct DynBlockValue {
  DynBlockRow row;
  int64_t until_ns = 0;  // since 1970
};
template <>
struct LuaClass<DynBlockValue> {
  static constexpr const char* kName = "DynBlock";
};

namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

NewDynBlocks AsGiven(Call& call, const std::string& message, std::optional<uint32_t> seconds,
                     std::optional<int> action) {
  NewDynBlocks blocks;
  blocks.message = message;
  if (seconds) blocks.seconds = *seconds;
  blocks.action = ReadDynBlockAction(call, action);
  return blocks;
}

void Insert(Call& call, const NewDynBlocks& blocks) {
  InsertDynBlocks(DynBlocksOf(call), blocks, call.runtime().clock().Now());
}

TextResult<void> AddClients(Call& call, const AddressCountsArg& counts, const std::string& message,
                            std::optional<uint32_t> seconds, std::optional<int> action) {
  NewDynBlocks how = AsGiven(call, message, seconds, action);
  for (const Address& client : counts.clients) how.clients.emplace_back(client, ClientMasks());
  if (how.action == DynBlockAction::kSetTag) {
    return Fail(std::string("SetTag has no tag here; addDynamicBlock() takes one"));
  }
  Insert(call, how);
  return {};
}

TextResult<void> AddNames(Call& call, const NamesArg& names, const std::string& message,
                          std::optional<uint32_t> seconds, std::optional<int> action,
                          Options options) {
  NewDynBlocks how = AsGiven(call, message, seconds, action);
  auto tag = ReadDynBlockTag(options, how.action);
  if (!tag) return Fail(std::move(tag.error()));
  how.tag = std::move(*tag);
  how.names = names.names;
  Insert(call, how);
  return {};
}

// addDynamicBlock(address, message[, action[, seconds[, mask[, portMask[, options]]]]])
TextResult<void> AddClient(Call& call,
                           const std::variant<std::shared_ptr<Address>, std::string>& who,
                           const std::string& message, std::optional<int> action,
                           std::optional<uint32_t> seconds, std::optional<uint8_t> mask,
                           std::optional<uint8_t> port_mask, Options options) {
  Address client;
  if (const auto* text = std::get_if<std::string>(&who)) {
    const auto parsed = Address::Parse(*text);
    if (!parsed) {
      call.Warn(fmt::format("nothing is blocked: {}", parsed.error()));
      return {};
    }
    client = *parsed;
  } else {
    client = *std::get<std::shared_ptr<Address>>(who);
  }
  NewDynBlocks how = AsGiven(call, message, seconds, action);
  auto tag = ReadDynBlockTag(options, how.action);
  if (!tag) return Fail(std::move(tag.error()));
  how.tag = std::move(*tag);
  const unsigned bits = mask.value_or(client.IsV6() ? 128 : 32);
  how.clients.emplace_back(client, bits, port_mask.value_or(0));
  Insert(call, how);
  return {};
}

void ClearBlocks(Call& call) {
  DynBlocksOf(call).Clear();
}

std::vector<DynBlockRow> Rows(Call& call) {
  return ListDynBlocks(DynBlocksOf(call), call.builder().config().settings.dyn_blocks,
                       call.runtime().clock().Now());
}

void Show(Call& call) {
  call.Print(DynBlocksText(Rows(call), DynBlocksOf(call)));
}

Pushed PushRows(Call& call, bool names) {
  const WallTime wall = WallNow();
  const int64_t wall_ns = wall.seconds * kNsPerSecond + wall.nanoseconds;
  const MonoTime now = call.runtime().clock().Now();
  lua_newtable(call.state());
  for (DynBlockRow& row : Rows(call)) {
    if (row.clients.has_value() == names) continue;
    auto value = std::make_shared<DynBlockValue>();
    value->until_ns = wall_ns + (row.block.until - now).ns;
    value->row = std::move(row);
    Push(call.state(), value->row.what);
    PushObject(call.state(), value);
    lua_rawset(call.state(), -3);
  }
  return {1};
}
Pushed GetClients(Call& call) {
  return PushRows(call, false);
}
Pushed GetNames(Call& call) {
  return PushRows(call, true);
}

void SetAction(Call& call, int number) {
  static constexpr std::array kAllowed = {LuaAction::kDrop,     LuaAction::kNoOp,
                                          LuaAction::kNxdomain, LuaAction::kRefused,
                                          LuaAction::kTruncate, LuaAction::kNoRecurse};
  const auto action = static_cast<LuaAction>(number);
  if (std::find(kAllowed.begin(), kAllowed.end(), action) == kAllowed.end()) {
    call.Warn(
        "the action must be Drop, NoOp, NoRecurse, Nxdomain, Refused or Truncate; nothing "
        "was changed");
    return;
  }
  Settings& settings = call.builder().Edit().settings;
  settings.dyn_blocks.action = ReadDynBlockAction(call, number);
  DynBlockTable& table = DynBlocksOf(call);
  table.UseKernel(table.kernel().filter(), settings.dyn_blocks.action,
                  call.runtime().clock().Now());
}

void SetPurgeInterval(Call& call, uint32_t seconds) {
  call.builder().Edit().settings.dyn_blocks.purge_interval_s = seconds;
}

// --- counts over the rings

struct Period {
  double rate = 0;
  uint32_t seconds = 0;  // 0: all that the rings hold
};

template <typename Entry>
struct Counted {
  std::function<uint64_t(const Entry&)> worth;
  void (Rings::*visit)(MonoTime, const std::function<void(const Entry&)>&) const;
};

// A table of clients (addresses without ports) that exceed the rate, and their counts.
template <typename Entry>
TextResult<Pushed> PushExceeding(Call& call, const Period& period, const Counted<Entry>& counted) {
  lua_newtable(call.state());
  const ControlTarget* const target = call.runtime().target();
  if (target == nullptr) return Pushed{1};  // nobody has asked anything yet
  const Rings& rings = target->rings();
  const MonoTime now = call.runtime().clock().Now();
  absl::flat_hash_map<ClientRange, uint64_t, ClientRange::Hash> counts;
  MonoTime oldest = now;
  {
    const LetGo let_go(call.runtime());
    const MonoTime since = period.seconds == 0 ? MonoTime{std::numeric_limits<int64_t>::min()}
                                               : now - MonoTime::FromSeconds(period.seconds);
    (rings.*counted.visit)(since, [&](const Entry& entry) {
      if (entry.when > now) return;
      oldest = std::min(oldest, entry.when);
      const uint64_t worth = counted.worth(entry);
      if (worth > 0) counts[ClientRange(entry.client, ClientMasks())] += worth;
    });
  }
  const double sampled = std::max<uint32_t>(1, rings.settings().sampling_rate);
  const double seconds =
      period.seconds > 0 ? period.seconds : static_cast<double>((now - oldest).ns) / 1e9;
  for (const auto& [range, count] : counts) {
    const double all = static_cast<double>(count) * sampled;
    if (all <= period.rate * seconds) continue;
    Push(call.state(), range.network());
    Push(call.state(), static_cast<uint64_t>(all));
    lua_rawset(call.state(), -3);
  }
  return Pushed{1};
}

TextResult<Pushed> ExceedResponses(Call& call, const Period& period,
                                   std::function<uint64_t(const RingResponse&)> worth) {
  return PushExceeding<RingResponse>(call, period, {std::move(worth), &Rings::VisitResponses});
}
TextResult<Pushed> ExceedRCode(Call& call, const Period& period, dns::RCode rcode) {
  return ExceedResponses(call, period, [rcode](const RingResponse& entry) -> uint64_t {
    return (entry.flags & 0x0f) == static_cast<uint16_t>(rcode) ? 1 : 0;
  });
}
TextResult<Pushed> ExceedServFails(Call& call, double rate, uint32_t seconds) {
  return ExceedRCode(call, {rate, seconds}, dns::RCode::kServFail);
}
TextResult<Pushed> ExceedNxDomains(Call& call, double rate, uint32_t seconds) {
  return ExceedRCode(call, {rate, seconds}, dns::RCode::kNxDomain);
}
TextResult<Pushed> ExceedBytes(Call& call, double rate, uint32_t seconds) {
  return ExceedResponses(call, {rate, seconds},
                         [](const RingResponse& entry) -> uint64_t { return entry.size; });
}
TextResult<Pushed> ExceedQueries(Call& call, double rate, uint32_t seconds) {
  return PushExceeding<RingQuery>(
      call, {rate, seconds},
      {[](const RingQuery&) -> uint64_t { return 1; }, &Rings::VisitQueries});
}
TextResult<Pushed> ExceedType(Call& call, uint16_t type, double rate, uint32_t seconds) {
  return PushExceeding<RingQuery>(call, {rate, seconds},
                                  {[type](const RingQuery& entry) -> uint64_t {
                                     return static_cast<uint16_t>(entry.type) == type ? 1 : 0;
                                   },
                                   &Rings::VisitQueries});
}

// --- DynBlock

int BlockAction(const DynBlockValue& value) {
  return static_cast<int>(NumberOf(value.row.action));
}
uint64_t BlockCount(const DynBlockValue& value) {
  return value.row.blocks;
}
bool BlockInKernel(const DynBlockValue& value) {
  return value.row.block.in_kernel;
}
dns::Name BlockName(const DynBlockValue& value) {
  if (value.row.clients) return dns::Name();
  return dns::Name::Parse(value.row.what).value_or(dns::Name());
}
std::string BlockReason(const DynBlockValue& value) {
  return value.row.block.cause->reason;
}
Pushed BlockUntil(Call& call, const DynBlockValue& value) {
  PushTimespec(call.state(), value.until_ns);
  return {1};
}
bool BlockWarns(const DynBlockValue& value) {
  return value.row.block.cause->warning;
}

constexpr AttributeRow kAttributes[] = {
    {"action", Bind<&BlockAction>, nullptr, "What it does: a number of DNSAction."},
    {"blocks", Bind<&BlockCount>, nullptr, "Queries that met it, in the kernel too."},
    {"bpf", Bind<&BlockInKernel>, nullptr,
     "Whether the kernel drops them: the default filter has it."},
    {"domain", Bind<&BlockName>, nullptr, "The name; the root for a block of clients."},
    {"reason", Bind<&BlockReason>, nullptr, "Why it was made."},
    {"until", Bind<&BlockUntil>, nullptr, "Its end: tv_sec and tv_nsec."},
    {"warning", Bind<&BlockWarns>, nullptr, "Whether it only warns."},
};
const ClassRow kClass = {"DynBlock", {},      kAttributes, nullptr,
                         nullptr,    nullptr, nullptr,     "A dynamic block."};

constexpr FunctionRow kFunctions[] = {
    {"addDynBlockSMT", Bind<&AddNames>,
     "addDynBlockSMT(names, message[, seconds=10[, action[, options]]])",
     "Blocks names, and all below them, for a time.", Scope::kAnywhere},
    {"addDynBlocks", Bind<&AddClients>, "addDynBlocks(addresses, message[, seconds=10[, action]])",
     "Blocks the clients of a table such as exceedQRate() gives.", Scope::kAnywhere},
    {"addDynamicBlock", Bind<&AddClient>,
     "addDynamicBlock(address, message[, action[, seconds=10[, clientIPMask[, clientIPPortMask[, "
     "{tagName=, tagValue=}]]]]])",
     "Blocks a client, or the network it is in, for a time.", Scope::kAnywhere},
    {"clearDynBlocks", Bind<&ClearBlocks>, "clearDynBlocks()", "Removes all dynamic blocks."},
    {"exceedNXDOMAINs", Bind<&ExceedNxDomains>, "exceedNXDOMAINs(rate, seconds) -> table",
     "Clients with more NXDOMAIN answers a second, by the rings, and how many."},
    {"exceedQRate", Bind<&ExceedQueries>, "exceedQRate(rate, seconds) -> table",
     "Clients with more queries a second, by the rings, and how many."},
    {"exceedQTypeRate", Bind<&ExceedType>, "exceedQTypeRate(type, rate, seconds) -> table",
     "Clients with more queries of a type a second, by the rings, and how many."},
    {"exceedRespByterate", Bind<&ExceedBytes>, "exceedRespByterate(rate, seconds) -> table",
     "Clients with more octets of answers a second, by the rings, and how many."},
    {"exceedServFails", Bind<&ExceedServFails>, "exceedServFails(rate, seconds) -> table",
     "Clients with more SERVFAIL answers a second, by the rings, and how many."},
    {"getDynamicBlocks", Bind<&GetClients>, "getDynamicBlocks() -> table",
     "The blocks of clients: from networks to DynBlock."},
    {"getDynamicBlocksSMT", Bind<&GetNames>, "getDynamicBlocksSMT() -> table",
     "The blocks of names: from names to DynBlock."},
    {"setDynBlocksAction", Bind<&SetAction>, "setDynBlocksAction(action)",
     "What blocks do that do not say it themselves; DNSAction.Drop unless set.",
     Scope::kConfigOnly},
    {"setDynBlocksPurgeInterval", Bind<&SetPurgeInterval>, "setDynBlocksPurgeInterval(seconds)",
     "How often blocks past their time are taken out of the table; 60 unless set, 0: never.",
     Scope::kConfigOnly},
    {"showDynBlocks", Bind<&Show>, "showDynBlocks()", "Prints the dynamic blocks in force."},
};

}  // namespace

const ClassRow& DynBlockClass() {
  return kClass;
}
FunctionPage DynBlockFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
