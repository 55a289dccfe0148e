// Functions of ffi.C that look at the recent queries and answers.
#include "lua/ffi_objects.h"
#include "lua/runtime.h"

namespace breakwater::lua {
namespace {

constexpr FfiKind kKind{"a list of ring entries"};

// In memory of Lua's: the items follow.
struct Item {
  RingEntry entry;
  bool is_answer;
};
struct List {
  MonoTime made;
  size_t count = 0;
  std::span<Item> items() { return {reinterpret_cast<Item*>(this + 1), count}; }
};
static_assert(std::is_trivially_copyable_v<Item> && alignof(Item) <= alignof(List));

// Those that `wanted` says yes to: queries, then answers, each the oldest first.
template <typename Wanted>
int GiveEntries(FfiCall& call, int place, Wanted&& wanted) {
  const auto runtime = call.runtime();
  if (!runtime) return 0;
  const ControlTarget* const target = runtime->target();
  if (target == nullptr) return call.Fail("the server has not started yet");
  std::vector<Item> found;
  for (const RingQuery& query : target->rings().Queries()) {
    if (wanted(query)) found.push_back({query, false});
  }
  for (const RingResponse& answer : target->rings().Responses()) {
    if (wanted(answer)) found.push_back({answer, true});
  }
  if (found.empty()) return call.Give(0);
  const size_t size = sizeof(List) + found.size() * sizeof(Item);
  auto* const list = new (NewFfiObject(call.state(), kKind, size)) List;
  list->made = target->clock().Now();
  list->count = found.size();
  std::uninitialized_copy(found.begin(), found.end(), list->items().begin());
  return GiveCountAndObject(call, found.size(), place);
}

int Entries(FfiCall& call) {
  return GiveEntries(call, 1, [](const RingEntry&) { return true; });
}
int EntriesByAddress(FfiCall& call) {
  const std::string_view text = call.Text(1);
  if (!call.ok()) return 0;
  const auto address = Address::Parse(text);
  if (!address) return call.Give(0);
  return GiveEntries(call, 2,
                     [&](const RingEntry& entry) { return entry.client.SameHost(*address); });
}
int EntriesByMac(FfiCall& call) {
  call.Text(1);
  return call.ok() ? call.Give(0) : 0;
}

template <auto Get>
int Read(FfiCall& call) {
  auto* const list = static_cast<List*>(FfiObjectAt(call, 1, kKind));
  const auto index = static_cast<size_t>(call.Integer(2, 0, INT64_MAX));
  if (!call.ok()) return 0;
  using Value = decltype(Get(*list, list->items()[0]));
  if (index >= list->count) return call.Give(Value());
  return call.Give(Get(*list, list->items()[index]));
}
using TextOrNil = std::optional<std::string_view>;

int EntryText(FfiCall& call, std::string (*get)(const Item&)) {
  auto* const list = static_cast<List*>(FfiObjectAt(call, 1, kKind));
  const auto index = static_cast<size_t>(call.Integer(2, 0, INT64_MAX));
  if (!call.ok()) return 0;
  if (index >= list->count) return call.Give(TextOrNil());
  const std::string text = get(list->items()[index]);
  return call.Give(text.empty() ? TextOrNil() : TextOrNil(text));
}
template <auto Get>
int ReadText(FfiCall& call) {
  return EntryText(call, Get);
}

double Age(const List& list, const Item& item) {
  return static_cast<double>((list.made - item.entry.when).ns) / 1e9;
}
std::string Backend(const Item& item) {
  const bool told = item.is_answer && item.entry.backend.IsSet();
  return told ? item.entry.backend.ToStringWithPort() : std::string();
}

#define BW_READ(name, expression, help)                                                \
  {                                                                                    \
    "ring_entry_" name,                                                                \
        Read<+[](const List&, [[maybe_unused]] const Item& i) { return expression; }>, \
        "(list, index)", help                                                          \
  }
#define BW_TEXT(name, expression, help)                                                       \
  {                                                                                           \
    "ring_entry_" name, ReadText<+[]([[maybe_unused]] const Item& i) { return expression; }>, \
        "(list, index)", help                                                                 \
  }
constexpr FfiRow kRows[] = {
    {"ring_get_entries", Entries, "([place])",
     "How many recent queries and answers there are, and a list of them, from 0 on."},
    {"ring_get_entries_by_addr", EntriesByAddress, "(address [, place])",
     "The same of one client; its port does not count."},
    {"ring_get_entries_by_mac", EntriesByMac, "(mac [, place])",
     "Always 0: hardware addresses are not recorded."},
    {"ring_entry_list_free", FreeObject<kKind>, "(list)", "Lets go of it early."},
    BW_READ("is_response", i.is_answer, "Whether it is an answer."),
    {"ring_entry_get_age", Read<&Age>, "(list, index)",
     "Seconds since it was seen, when the list was made."},
    BW_TEXT("get_name", i.entry.Name().ToString(), "The name asked for."),
    BW_READ("get_type", static_cast<uint16_t>(i.entry.type), "The type asked for."),
    BW_TEXT("get_requestor", i.entry.client.ToStringWithPort(), "The client."),
    BW_TEXT("get_backend", Backend(i), "The server that answered; nil for all else."),
    BW_READ("get_protocol", static_cast<uint8_t>(i.entry.protocol),
            "How it came: ffi.C.dnsdist_ffi_protocol_type_doudp and so on."),
    BW_READ("get_size", i.entry.size, "The size of the message."),
    BW_READ("get_latency", static_cast<uint16_t>(i.is_answer ? i.entry.latency_us : 0),
            "Microseconds that the answer took, the lower 16 bits."),
    BW_READ("has_mac_address", false, "Always false: hardware addresses are not recorded."),
    BW_TEXT("get_mac_address", std::string(), "Always nil: hardware addresses are not recorded."),
};
#undef BW_READ
#undef BW_TEXT

}  // namespace

FfiRows FfiRingRows() {
  return kRows;
}

}  // namespace breakwater::lua
