#include "proxy/net/kernel_filter.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "proxy/base/log.h"
#include "proxy/net/kernel_filter_program.h"

namespace breakwater {
namespace {

KernelEntry Entry(KernelVerdict verdict) {
  return {.verdict = static_cast<uint32_t>(verdict)};
}

std::span<uint8_t> Room(KernelEntry& entry) {
  return {reinterpret_cast<uint8_t*>(&entry), sizeof(entry)};
}

TextResult<void> NoRoom(const KernelTable& table) {
  return Fail(fmt::format("this filter has no room for {}: give newBPFFilter() {}", table.of,
                          table.option));
}

TextResult<void> Add(const KernelTable& table, std::span<const uint8_t> key,
                     const KernelEntry& entry, const std::string& what) {
  if (!table.map.valid()) return NoRoom(table);
  const int error = table.map.Put(key, KernelBytes(entry), KernelMap::Write::kNew);
  if (error == 0) return {};
  if (error == EEXIST) return Fail(fmt::format("{} is blocked already", what));
  if (error == ENOSPC) {
    return Fail(
        fmt::format("cannot block {}: the table of {} is full with {}; raise {} or unblock "
                    "others",
                    what, table.of, table.map.max_items(), table.option));
  }
  return Fail(KernelRefusal(fmt::format("block {}", what), error));
}

TextResult<void> Remove(const KernelTable& table, std::span<const uint8_t> key,
                        const std::string& what) {
  if (!table.map.valid()) return NoRoom(table);
  const int error = table.map.Remove(key);
  if (error == 0) return {};
  if (error == ENOENT) return Fail(fmt::format("{} is not blocked", what));
  return Fail(KernelRefusal(fmt::format("unblock {}", what), error));
}

std::string NameText(const dns::Name& name, uint16_t type) {
  if (type == kKernelAnyType) return name.ToString();
  return fmt::format("{} with type {}", name.ToString(), type);
}

// Calls `use` with the key of whichever family it is.
template <typename Use>
auto WithClientKey(const Address& client, Use&& use) {
  if (client.IsV6()) {
    const KernelV6Key key = KernelV6KeyOf(client);
    return use(KernelBytes(key));
  }
  const KernelV4Key key = KernelV4KeyOf(client);
  return use(KernelBytes(key));
}

template <typename Use>
auto WithRangeKey(const Netmask& range, Use&& use) {
  if (range.network().IsV6()) {
    const KernelV6RangeKey key = KernelV6RangeKeyOf(range);
    return use(KernelBytes(key));
  }
  const KernelV4RangeKey key = KernelV4RangeKeyOf(range);
  return use(KernelBytes(key));
}

// What Lua is told of an entry; one for each kind of key.
using ClientRow = KernelFilter::ClientRow;
using RangeRow = KernelFilter::RangeRow;
using NameRow = KernelFilter::NameRow;
template <typename Key>
ClientRow RowOf(const Key& key, const KernelEntry& entry) {
  return {AddressOf(key), entry};
}
RangeRow RowOf(const KernelV4RangeKey& key, const KernelEntry& entry) {
  return {RangeOf(key), entry};
}
RangeRow RowOf(const KernelV6RangeKey& key, const KernelEntry& entry) {
  return {RangeOf(key), entry};
}
NameRow RowOf(const KernelNameKey& key, const KernelEntry& entry) {
  return {NameOf(key), key.type, entry};
}

// IPv4 first, then the bytes.
std::tuple<bool, std::string> Order(const Address& address) {
  const auto raw = address.Raw();
  return {address.IsV6(), std::string(raw.begin(), raw.end())};
}
auto OrderOf(const ClientRow& row) {
  return Order(row.client);
}
auto OrderOf(const RangeRow& row) {
  return std::tuple(Order(row.range.network()), row.range.bits());
}
auto OrderOf(const NameRow& row) {
  return std::tuple(row.name.ToString(), row.type);
}

template <typename Key, typename Row>
void AddRows(const KernelMap& map, std::vector<Row>* rows) {
  map.ForEach([&](std::span<const uint8_t> raw, std::span<const uint8_t> value) {
    Key key;
    KernelEntry entry;
    std::memcpy(&key, raw.data(), sizeof(key));
    std::memcpy(&entry, value.data(), sizeof(entry));
    rows->push_back(RowOf(key, entry));
  });
}

template <typename Row>
std::vector<Row> Sorted(std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return OrderOf(a) < OrderOf(b); });
  return rows;
}

int Load(const std::vector<bpf_insn>& code, std::string* log) {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  if (log != nullptr) {
    options.log_buf = log->data();
    options.log_size = static_cast<uint32_t>(log->size());
    options.log_level = 1;
  }
  return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "breakwater", "GPL", code.data(), code.size(),
                       &options);
}

// What the kernel's verifier says of a program that it refuses: the line before its summary.
std::string ReasonOf(const std::vector<bpf_insn>& code) {
  std::string log(16 << 20, '\0');
  if (const int fd = Load(code, &log); fd >= 0) close(fd);
  log.resize(std::strlen(log.c_str()));
  const size_t summary = log.rfind("processed ");
  if (summary == std::string::npos || summary == 0) return "";
  const size_t before = log.rfind('\n', summary - 2);
  return log.substr(before + 1, summary - before - 2);
}

TextResult<UniqueFd> LoadProgram(const KernelFilterMaps& maps) {
  const std::vector<bpf_insn> code = KernelFilterProgram(maps);
  const int fd = Load(code, nullptr);
  if (fd >= 0) return UniqueFd(fd);
  const std::string reason = ReasonOf(code);
  return Fail(KernelRefusal("load the filter's program", -fd) +
              (reason.empty() ? "" : fmt::format(" (its verifier: {})", reason)));
}

}  // namespace

TextResult<std::shared_ptr<KernelFilter>> KernelFilter::Open(const KernelFilterOptions& options) {
  const std::shared_ptr<KernelFilter> filter(new KernelFilter(options));
  if (auto opened = filter->OpenMaps(); !opened) return Fail(opened.error());
  filter->owner_ = ThisKernelOwner();
  filter->TakeOutLeftovers();
  if (options.external) return filter;
  if (auto loaded = filter->LoadPrograms(); !loaded) return Fail(loaded.error());
  return filter;
}

std::shared_ptr<KernelFilter> KernelFilter::Pretend(const KernelFilterOptions& options) {
  std::shared_ptr<KernelFilter> filter(new KernelFilter(options));
  filter->pretended_ = true;
  return filter;
}

TextResult<void> KernelFilter::OpenMaps() {
  using Kind = KernelMap::Kind;
  struct Wanted {
    KernelTable& table;
    const KernelMapSettings& settings;
    const char* name;
    Kind kind;
    size_t key_size;
  };
  const Wanted all[] = {
      {v4_, options_.v4, "bw_v4", Kind::kExact, sizeof(KernelV4Key)},
      {v6_, options_.v6, "bw_v6", Kind::kExact, sizeof(KernelV6Key)},
      {v4_ranges_, options_.v4_ranges, "bw_v4_ranges", Kind::kRanges, sizeof(KernelV4RangeKey)},
      {v6_ranges_, options_.v6_ranges, "bw_v6_ranges", Kind::kRanges, sizeof(KernelV6RangeKey)},
      {names_, options_.names, "bw_names", Kind::kExact, sizeof(KernelNameKey)},
  };
  for (const Wanted& one : all) {
    if (one.settings.max_items == 0) continue;
    auto opened = KernelMap::Open(
        {one.name, one.kind, static_cast<uint32_t>(one.key_size), sizeof(KernelEntry)},
        one.settings);
    if (!opened) return Fail(opened.error());
    one.table.map = std::move(*opened);
  }
  return {};
}

// Or a client would be blocked that nobody unblocks. Only addresses are blocked for a time.
void KernelFilter::TakeOutLeftovers() {
  if (options_.v4.pinned_path.empty() && options_.v6.pinned_path.empty()) return;
  size_t count = 0;
  for (const ClientRow& row : Clients()) {
    if (KernelOwnerIsGone(row.entry.owner) && Unblock(row.client)) ++count;
  }
  if (count == 0) return;
  LogInfo("setup",
          "{} blocks of clients were taken out of pinned maps: a process that is gone had left "
          "them there",
          count);
}

TextResult<void> KernelFilter::LoadPrograms() {
  KernelFilterMaps maps{v4_.map.fd(), v6_.map.fd(), v4_ranges_.map.fd(), v6_ranges_.map.fd(),
                        names_.map.fd()};
  auto datagrams = LoadProgram(maps);
  if (!datagrams) return Fail(datagrams.error());
  datagram_program_ = std::move(*datagrams);
  maps.names = -1;
  auto streams = LoadProgram(maps);
  if (!streams) return Fail(streams.error());
  stream_program_ = std::move(*streams);
  return {};
}

TextResult<void> KernelFilter::Attach(int socket, SocketKind kind) const {
  if (external() || pretended_) return {};
  const int program = kind == SocketKind::kUdp ? datagram_program_.get() : stream_program_.get();
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) == 0) return {};
  const int error = errno;
  return Fail(fmt::format("cannot attach the kernel filter to {}: {}{}",
                          LocalAddressOf(socket).ToStringWithPort(), std::strerror(error),
                          error == ENOMEM ? ": raise net.core.optmem_max" : ""));
}

TextResult<void> KernelFilter::Refuse(KernelVerdict verdict) const {
  if (CanDo(verdict)) return {};
  return Fail(std::string(
      "a filter on sockets cannot answer: truncating (2) needs external=true and a program that "
      "does it"));
}

TextResult<void> KernelFilter::Block(const Address& client, KernelVerdict verdict, Stay stay) {
  if (auto can = Refuse(verdict); !can || pretended_) return can;
  KernelEntry entry = Entry(verdict);
  if (stay == Stay::kWhileWeRun) entry.owner = owner_;
  return WithClientKey(client, [&](std::span<const uint8_t> key) {
    return Add(TableOf(client), key, entry, client.ToString());
  });
}

TextResult<void> KernelFilter::Unblock(const Address& client) {
  if (pretended_) return {};
  return WithClientKey(client, [&](std::span<const uint8_t> key) {
    return Remove(TableOf(client), key, client.ToString());
  });
}

TextResult<void> KernelFilter::BlockName(const dns::Name& name, uint16_t type,
                                         KernelVerdict verdict) {
  if (auto can = Refuse(verdict); !can || pretended_) return can;
  const KernelNameKey key = KernelNameKeyOf(name, type);
  return Add(names_, KernelBytes(key), Entry(verdict), NameText(name, type));
}

TextResult<void> KernelFilter::UnblockName(const dns::Name& name, uint16_t type) {
  if (pretended_) return {};
  const KernelNameKey key = KernelNameKeyOf(name, type);
  return Remove(names_, KernelBytes(key), NameText(name, type));
}

TextResult<void> KernelFilter::AddRange(const Netmask& range, KernelVerdict verdict,
                                        RangeRule when) {
  if (auto can = Refuse(verdict); !can || pretended_) return can;
  const KernelTable& table = TableOf(range);
  if (!table.map.valid()) return NoRoom(table);
  const MutexLock lock(range_edit_);
  return WithRangeKey(range, [&](std::span<const uint8_t> key) -> TextResult<void> {
    KernelEntry covering = Entry(KernelVerdict::kPass);
    table.map.Get(key, Room(covering));  // the longest that covers it; where none does, all passes
    if (when == RangeRule::kIfItMatters && covering.verdict == static_cast<uint32_t>(verdict)) {
      return Fail(
          fmt::format("a rule for {} changes nothing: {} is what becomes of it already; "
                      "force=true adds it",
                      range.ToString(), KernelVerdictText(verdict)));
    }
    const KernelEntry entry = Entry(verdict);
    const int error = table.map.Put(key, KernelBytes(entry), KernelMap::Write::kNewOrReplace);
    if (error == 0) return {};
    if (error == ENOSPC) {
      return Fail(
          fmt::format("cannot add a rule for {}: the table of {} is full with {}; raise {} "
                      "or remove others",
                      range.ToString(), table.of, table.map.max_items(), table.option));
    }
    return Fail(KernelRefusal(fmt::format("add a rule for {}", range.ToString()), error));
  });
}

TextResult<void> KernelFilter::RemoveRange(const Netmask& range) {
  if (pretended_) return {};
  const KernelTable& table = TableOf(range);
  const MutexLock lock(range_edit_);
  return WithRangeKey(
      range, [&](std::span<const uint8_t> key) { return Remove(table, key, range.ToString()); });
}

std::optional<uint64_t> KernelFilter::HitsOf(const Address& client) const {
  const KernelMap& map = TableOf(client).map;
  if (!map.valid()) return std::nullopt;
  KernelEntry entry;
  const int error = WithClientKey(
      client, [&](std::span<const uint8_t> key) { return map.Get(key, Room(entry)); });
  if (error != 0) return std::nullopt;
  return entry.hits;
}

std::optional<uint64_t> KernelFilter::Take(const Address& client) {
  const auto hits = HitsOf(client);
  if (!hits || !Unblock(client)) return std::nullopt;
  return hits;
}

std::vector<ClientRow> KernelFilter::Clients() const {
  std::vector<ClientRow> rows;
  AddRows<KernelV4Key>(v4_.map, &rows);
  AddRows<KernelV6Key>(v6_.map, &rows);
  return Sorted(std::move(rows));
}

std::vector<RangeRow> KernelFilter::Ranges() const {
  std::vector<RangeRow> rows;
  AddRows<KernelV4RangeKey>(v4_ranges_.map, &rows);
  AddRows<KernelV6RangeKey>(v6_ranges_.map, &rows);
  return Sorted(std::move(rows));
}

std::vector<NameRow> KernelFilter::Names() const {
  std::vector<NameRow> rows;
  AddRows<KernelNameKey>(names_.map, &rows);
  return Sorted(std::move(rows));
}

}  // namespace breakwater
