// What dynamic blocks cost: each query's look at the table, and the look at the rings once a
// second.
#include <benchmark/benchmark.h>

#include "proxy/guard/dyn_block_group.h"
#include "proxy/guard/dyn_block_names.h"

namespace breakwater {
namespace {

constexpr MonoTime kNow = MonoTime::FromSeconds(1000);

Address ClientOf(uint32_t number) {
  const uint8_t raw[4] = {10, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                          static_cast<uint8_t>(number)};
  return Address::FromRaw(raw, 4711);
}

void Fill(DynBlockTable& table, uint32_t clients, uint32_t names) {
  const auto cause = std::make_shared<const DynBlockCause>(
      DynBlockCause{.reason = "rate", .action = DynBlockAction::kDrop});
  const MonoTime until = kNow + MonoTime::FromSeconds(60);
  DynBlockTable::Edit edit(table, kNow);
  for (uint32_t i = 0; i < clients; ++i) {
    edit.BlockClient(ClientRange(ClientOf(i), ClientMasks()), cause, until);
  }
  for (uint32_t i = 0; i < names; ++i) {
    const auto name = dns::Name::Parse("zone" + std::to_string(i) + ".example");
    edit.BlockName(*name, cause, until);
  }
}

// A query of a client and for a name that are not blocked, with so many that are.
void Look(benchmark::State& state) {
  DynBlockTable table;
  Fill(table, static_cast<uint32_t>(state.range(0)), static_cast<uint32_t>(state.range(1)));
  DynBlockView view;
  const auto name = dns::Name::Parse("www.host12345.example.com");
  uint32_t number = 0;
  for (auto _ : state) {
    const DynBlockSnapshot* blocks = view.Get(table);
    if (blocks == nullptr) continue;
    benchmark::DoNotOptimize(blocks->FindClient(ClientOf(++number | 1 << 23), kNow));
    benchmark::DoNotOptimize(blocks->FindName(name->wire(), kNow));
  }
}
BENCHMARK(Look)->Args({0, 0})->Args({1, 0})->Args({100'000, 0})->Args({100'000, 10'000});

// A query of one of 100,000 blocked clients: found and counted.
void Meet(benchmark::State& state) {
  DynBlockTable table;
  Fill(table, 100'000, 0);
  DynBlockView view;
  uint32_t number = 0;
  for (auto _ : state) {
    const DynBlock* block = view.Get(table)->FindClient(ClientOf(++number % 100'000), kNow);
    block->hits->Add();
  }
}
BENCHMARK(Meet);

// One more client blocked with 100,000 in the table, and taken out again: two edits.
void Edit(benchmark::State& state) {
  DynBlockTable table;
  Fill(table, 100'000, 0);
  const auto cause = std::make_shared<const DynBlockCause>();
  const ClientRange range(ClientOf(200'000), ClientMasks());
  for (auto _ : state) {
    DynBlockTable::Edit(table, kNow).BlockClient(range, cause, kNow + MonoTime::FromSeconds(9));
    DynBlockTable::Edit(table, kNow).UnblockClient(range);
  }
}
BENCHMARK(Edit);

void FillRings(Rings& rings, size_t count, uint32_t clients) {
  RingCursor cursor;
  std::vector<uint8_t> message(12 + 17 + 4, 0);
  const auto name = dns::Name::Parse("www.example.com");
  for (uint32_t i = 0; i < count; ++i) {
    const Address client = ClientOf(i % clients);
    const RingRecord record{.now = kNow,
                            .client = client,
                            .protocol = Protocol::kDoUdp,
                            .message = message,
                            .name = name->wire(),
                            .type = dns::Type::kA};
    rings.AddQuery(cursor, record);
    rings.AddResponse(cursor, record, 100, client);
  }
}

// apply() of a group with a rate, a type and an rcode, by entry of the rings (a query and its
// answer). The last: each from another client, a million of them.
void Evaluate(benchmark::State& state) {
  const auto entries = static_cast<size_t>(state.range(0));
  Rings rings({.entries = entries, .shards = 10});
  FillRings(rings, entries, static_cast<uint32_t>(state.range(1)));
  DynBlockGroup group;
  for (const auto measure :
       {DynBlockMeasure::kQueryRate, DynBlockMeasure::kTypeRate, DynBlockMeasure::kRCodeRate}) {
    DynBlockRule rule;
    rule.measure = measure;
    rule.limit = 1e9;
    rule.seconds = 10;
    rule.code = 3;
    group.Set(rule);
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(group.Evaluate(rings, {}, kNow));
  }
  state.SetItemsProcessed(static_cast<int64_t>(entries) * static_cast<int64_t>(state.iterations()));
}
BENCHMARK(Evaluate)
    ->Args({10'000, 100})
    ->Args({100'000, 10'000})
    ->Args({1'000'000, 1'000'000})
    ->Unit(benchmark::kMillisecond);

void NameTree(benchmark::State& state) {
  Rings rings({.entries = 10'000, .shards = 10});
  FillRings(rings, 10'000, 100);
  for (auto _ : state) {
    const NameStatTree tree(rings, MonoTime());
    benchmark::DoNotOptimize(tree.size());
  }
}
BENCHMARK(NameTree)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace breakwater
