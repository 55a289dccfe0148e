// What a query costs of a flood from a million addresses, each seen once in a million queries: the
// limit by client, the rings and the look at the dynamic blocks, each alone and all three.
#include <benchmark/benchmark.h>

#include <functional>

#include "proxy/guard/dyn_block_table.h"
#include "proxy/guard/ip_limits.h"
#include "proxy/observe/rings.h"

namespace breakwater {
namespace {

constexpr uint32_t kClients = 1'000'000;

// Not one after another, or the addresses' places would be in the caches.
Address ClientOf(uint32_t number) {
  const uint32_t spread = static_cast<uint32_t>(number % kClients * uint64_t{7'368'787} % kClients);
  const uint8_t raw[4] = {10, static_cast<uint8_t>(spread >> 16), static_cast<uint8_t>(spread >> 8),
                          static_cast<uint8_t>(spread)};
  return Address::FromRaw(raw, 4711);
}

MonoTime At(uint32_t number) {
  return MonoTime::FromSeconds(1000) + MonoTime{number * int64_t{1000}};
}

struct Flood {
  IpLimits limits{{.qps = 10, .burst = 10}};
  Rings rings{{}};
  RingCursor cursor;
  DynBlockTable blocks;
  DynBlockView view;
  const std::vector<uint8_t> message = std::vector<uint8_t>(12 + 17 + 4, 0);
  const dns::Name name = *dns::Name::Parse("www.example.com");

  Flood() {
    const auto cause = std::make_shared<const DynBlockCause>(
        DynBlockCause{.reason = "rate", .action = DynBlockAction::kDrop});
    {
      DynBlockTable::Edit edit(blocks, At(0));
      for (uint32_t i = 0; i < kClients; ++i) {
        edit.BlockClient(ClientRange(ClientOf(i), 32), cause, MonoTime::FromSeconds(1'000'000));
      }
    }
    for (uint32_t i = 0; i < kClients; ++i) limits.Take(ClientOf(i), At(i));
  }
  void Limit(uint32_t number) {
    benchmark::DoNotOptimize(limits.Take(ClientOf(number), At(number)));
  }
  void Record(uint32_t number) {
    const Address client = ClientOf(number);
    rings.AddQuery(cursor, {.now = At(number),
                            .client = client,
                            .protocol = Protocol::kDoUdp,
                            .message = message,
                            .name = name.wire(),
                            .type = dns::Type::kA});
  }
  void Look(uint32_t number) {
    benchmark::DoNotOptimize(view.Get(blocks)->FindClient(ClientOf(number), At(number)));
  }
};

Flood& TheFlood() {
  static Flood flood;
  return flood;
}

template <auto... Steps>
void FloodOfAMillion(benchmark::State& state) {
  Flood& flood = TheFlood();
  uint32_t number = kClients;
  for (auto _ : state) {
    ++number;
    (std::invoke(Steps, flood, number), ...);
  }
}
BENCHMARK(FloodOfAMillion<&Flood::Limit>)->Name("FloodOfAMillion/limit");
BENCHMARK(FloodOfAMillion<&Flood::Record>)->Name("FloodOfAMillion/rings");
BENCHMARK(FloodOfAMillion<&Flood::Look>)->Name("FloodOfAMillion/blocks");
BENCHMARK(FloodOfAMillion<&Flood::Limit, &Flood::Record, &Flood::Look>)
    ->Name("FloodOfAMillion/all");

}  // namespace
}  // namespace breakwater
