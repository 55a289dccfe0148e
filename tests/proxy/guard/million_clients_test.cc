// A flood from a million made-up addresses: what is kept of each client stays bounded.
#include <gtest/gtest.h>
#include <malloc.h>

#include "proxy/guard/dyn_block_table.h"
#include "proxy/guard/ip_limits.h"
#include "proxy/observe/rings.h"

namespace breakwater {
namespace {

constexpr uint32_t kClients = 1'000'000;

Address ClientOf(uint32_t number) {
  const uint8_t raw[4] = {10, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
                          static_cast<uint8_t>(number)};
  return Address::FromRaw(raw, 4711);
}

MonoTime At(uint32_t number) {
  return MonoTime::FromSeconds(1000) + MonoTime{number * int64_t{1000}};
}

// Octets in use, small and large; an allocator that does not tell says 0.
size_t InUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(MillionClients, TheTableOfRateLimitsStaysWithinItsEntries) {
  const size_t before = InUse();
  IpLimits limits({.qps = 10, .burst = 10, .max_entries = 100'000});
  uint32_t passed = 0;
  for (uint32_t i = 0; i < kClients; ++i) passed += limits.Take(ClientOf(i), At(i)) ? 1 : 0;
  EXPECT_EQ(passed, kClients);
  EXPECT_LE(limits.size(), 100'000u);
  EXPECT_GE(limits.size(), 90'000u);
  EXPECT_LE(InUse() - before, 12'000'000u);
  // One who floods from one address among them is held back nevertheless.
  uint32_t let_through = 0;
  for (uint32_t i = 0; i < 100; ++i) {
    let_through += limits.Take(ClientOf(0xffffff), At(kClients)) ? 1 : 0;
    limits.Take(ClientOf(i), At(kClients));
  }
  EXPECT_LE(let_through, 11u);
}

TEST(MillionClients, DynamicBlocksAreRefusedWhenTheTableIsFull) {
  const size_t before = InUse();
  DynBlockTable table;
  const auto cause = std::make_shared<const DynBlockCause>(
      DynBlockCause{.reason = "rate", .action = DynBlockAction::kDrop});
  for (uint32_t i = 0; i < kClients;) {
    DynBlockTable::Edit edit(table, At(0));
    for (const uint32_t end = i + 250'000; i < end; ++i) {
      edit.BlockClient(ClientRange(ClientOf(i), 32), cause, MonoTime::FromSeconds(9000));
    }
  }
  EXPECT_EQ(table.Snapshot()->clients(), 250'000u);
  EXPECT_EQ(table.refused(), kClients - 250'000u);
  EXPECT_LE(InUse() - before, 80'000'000u);
  EXPECT_NE(table.Snapshot()->FindClient(ClientOf(7), At(0)), nullptr);
  EXPECT_EQ(table.Snapshot()->FindClient(ClientOf(kClients - 1), At(0)), nullptr);
}

TEST(MillionClients, RingsKeepWhatTheyHaveRoomFor) {
  Rings rings({.entries = 10'000});
  RingCursor cursor;
  const std::vector<uint8_t> message = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
  const std::span<const uint8_t> name = std::span(message).subspan(12, 3);
  const size_t before = InUse();
  for (uint32_t i = 0; i < kClients; ++i) {
    const Address client = ClientOf(i);
    rings.AddQuery(cursor, {.now = At(i),
                            .client = client,
                            .protocol = Protocol::kDoUdp,
                            .message = message,
                            .name = name,
                            .type = dns::Type::kA});
  }
  EXPECT_EQ(InUse(), before);
  const auto held = rings.Queries();
  EXPECT_EQ(held.size(), 10'000u);
  EXPECT_EQ(held.back().client, ClientOf(kClients - 1));
}

}  // namespace
}  // namespace breakwater
