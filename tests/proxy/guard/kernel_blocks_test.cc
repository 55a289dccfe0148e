// Dynamic blocks that are in a filter of this kernel too.
#include "proxy/guard/kernel_blocks.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>

#include "proxy/guard/dyn_block_keeper.h"
#include "proxy/guard/dyn_block_report.h"
#include "proxy/guard/timed_kernel_filter.h"

namespace breakwater {
namespace {

MonoTime Second(double seconds) {
  return MonoTime::FromSeconds(seconds);
}
Address At(const std::string& text) {
  return Address::Parse(text).value();
}
ClientRange Client(const std::string& text, unsigned bits = 32) {
  return ClientRange(At(text), bits);
}
DynBlockCausePtr Cause(DynBlockAction action) {
  return std::make_shared<const DynBlockCause>(DynBlockCause{.reason = "x", .action = action});
}

class KernelBlocksTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = KernelFilter::Open({.v4 = {.max_items = 2}});
    if (!opened) GTEST_SKIP() << "needs root and a kernel with bpf(2): " << opened.error();
    filter_ = *opened;
    table_->UseKernel(filter_, DynBlockAction::kDrop, Second(0));
  }
  void Block(const ClientRange& clients, DynBlockAction action, double until) {
    DynBlockTable::Edit(*table_, Second(now_)).BlockClient(clients, Cause(action), Second(until));
  }
  DynBlockRow Row(const std::string& what) {
    for (DynBlockRow& row : ListDynBlocks(*table_, {}, Second(now_))) {
      if (row.what == what) return row;
    }
    ADD_FAILURE() << what << " is not blocked";
    return {};
  }
  // So many datagrams from there to a socket with the filter.
  void Flood(const std::string& source, uint64_t count) {
    const UniqueFd to = OpenBoundSocket(SocketKind::kUdp, At("127.0.0.1"), {}).value();
    ASSERT_TRUE(filter_->Attach(to.get(), SocketKind::kUdp));
    const UniqueFd from = OpenBoundSocket(SocketKind::kUdp, At(source), {}).value();
    const Address address = LocalAddressOf(to.get());
    const uint64_t before = filter_->HitsOf(At(source)).value_or(0);
    for (uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(sendto(from.get(), "x", 1, 0, address.sockaddr_ptr(), address.sockaddr_length()),
                1);
    }
    for (int i = 0; i < 1'000'000 && filter_->HitsOf(At(source)) != before + count; ++i) {
      sched_yield();
    }
    ASSERT_EQ(filter_->HitsOf(At(source)), before + count);
  }

  std::shared_ptr<KernelFilter> filter_;
  std::shared_ptr<DynBlockTable> table_ = MakeDynBlockTable();
  double now_ = 100;
};

TEST_F(KernelBlocksTest, WholeAddressesThatAreDroppedGoIntoTheKernel) {
  Block(Client("127.0.0.2"), DynBlockAction::kNone, 200);
  Block(Client("192.0.2.0", 24), DynBlockAction::kDrop, 200);
  Block(Client("192.0.2.3"), DynBlockAction::kRefused, 200);
  Block(ClientRange(At("192.0.2.4:4711"), 32, 8), DynBlockAction::kDrop, 200);
  EXPECT_TRUE(Row("127.0.0.2/32").block.in_kernel);
  EXPECT_FALSE(Row("192.0.2.0/24").block.in_kernel);
  EXPECT_FALSE(Row("192.0.2.3/32").block.in_kernel);
  ASSERT_EQ(filter_->Clients().size(), 1u);
  EXPECT_EQ(filter_->Clients()[0].client, At("127.0.0.2"));
  EXPECT_NE(DynBlocksText(ListDynBlocks(*table_, {}, Second(now_)), *table_)
                .find("Drop                 *          x"),
            std::string::npos);
}

TEST_F(KernelBlocksTest, WhatTheKernelHasNoRoomForIsBlockedByUs) {
  for (const char* client : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"}) {
    Block(Client(client, At(client).IsV6() ? 128 : 32), DynBlockAction::kDrop, 200);
  }
  EXPECT_EQ(table_->Snapshot()->clients(), 4u);
  EXPECT_EQ(filter_->Clients().size(), 2u);
  EXPECT_FALSE(Row("192.0.2.3/32").block.in_kernel);
  EXPECT_FALSE(Row("2001:db8::1/128").block.in_kernel);
}

TEST_F(KernelBlocksTest, HitsOfTheKernelCount) {
  Block(Client("127.0.0.2"), DynBlockAction::kDrop, 200);
  table_->Snapshot()->FindClient(At("127.0.0.2"), Second(now_))->hits->Add(3);
  Flood("127.0.0.2", 5);
  EXPECT_EQ(Row("127.0.0.2/32").blocks, 8u);
  EXPECT_EQ(table_->kernel().TakeHits(), 0u);
  // A longer block keeps its counters.
  Block(Client("127.0.0.2"), DynBlockAction::kDrop, 300);
  EXPECT_EQ(Row("127.0.0.2/32").blocks, 8u);
  table_->Clear();
  EXPECT_TRUE(filter_->Clients().empty());
  EXPECT_EQ(table_->kernel().TakeHits(), 5u);
  EXPECT_EQ(table_->kernel().TakeHits(), 0u);
}

TEST_F(KernelBlocksTest, TheKeeperUnblocksInTimeWithoutWaitingForItsInterval) {
  DynBlockKeeper keeper(table_);
  keeper.Step({.purge_interval_s = 0}, Second(now_));
  Block(Client("127.0.0.2"), DynBlockAction::kDrop, 110);
  Block(Client("127.0.0.3"), DynBlockAction::kDrop, 120);
  keeper.Step({.purge_interval_s = 0}, Second(109));
  EXPECT_EQ(filter_->Clients().size(), 2u);
  keeper.Step({.purge_interval_s = 0}, Second(110));
  ASSERT_EQ(filter_->Clients().size(), 1u);
  EXPECT_EQ(filter_->Clients()[0].client, At("127.0.0.3"));
  EXPECT_FALSE(table_->kernel().EndedBy(Second(119)));
  keeper.Step({.purge_interval_s = 0}, Second(121));
  EXPECT_TRUE(filter_->Clients().empty());
  EXPECT_FALSE(table_->kernel().EndedBy(Second(1e6)));
}

TEST_F(KernelBlocksTest, AWarningIsNotInTheKernelAndTheBlockThatReplacesItIs) {
  const auto warning = std::make_shared<const DynBlockCause>(
      DynBlockCause{.reason = "w", .action = DynBlockAction::kNoOp, .warning = true});
  DynBlockTable::Edit(*table_, Second(now_)).BlockClient(Client("127.0.0.2"), warning, Second(200));
  EXPECT_TRUE(filter_->Clients().empty());
  Block(Client("127.0.0.2"), DynBlockAction::kDrop, 150);
  EXPECT_EQ(filter_->Clients().size(), 1u);
  // A longer one that answers takes it out of the kernel, with what it met.
  Flood("127.0.0.2", 2);
  Block(Client("127.0.0.2"), DynBlockAction::kRefused, 250);
  EXPECT_TRUE(filter_->Clients().empty());
  EXPECT_EQ(Row("127.0.0.2/32").blocks, 2u);
}

TEST_F(KernelBlocksTest, OnePastItsTimeBeginsAnew) {
  Block(Client("127.0.0.2"), DynBlockAction::kDrop, 110);
  Flood("127.0.0.2", 4);
  now_ = 130;
  Block(Client("127.0.0.2"), DynBlockAction::kDrop, 140);
  EXPECT_EQ(Row("127.0.0.2/32").blocks, 0u);
  EXPECT_TRUE(Row("127.0.0.2/32").block.in_kernel);
  EXPECT_EQ(table_->kernel().TakeHits(), 4u);
  DynBlockTable::Edit(*table_, Second(now_)).UnblockClient(Client("127.0.0.2"));
  EXPECT_TRUE(filter_->Clients().empty());
}

TEST_F(KernelBlocksTest, AnotherDefaultActionOrFilterMovesBlocks) {
  Block(Client("127.0.0.2"), DynBlockAction::kNone, 200);
  table_->UseKernel(filter_, DynBlockAction::kRefused, Second(now_));
  EXPECT_TRUE(filter_->Clients().empty());
  EXPECT_FALSE(Row("127.0.0.2/32").block.in_kernel);
  const auto external = KernelFilter::Open({.v4 = {.max_items = 2}, .external = true}).value();
  table_->UseKernel(external, DynBlockAction::kTruncate, Second(now_));
  ASSERT_EQ(external->Clients().size(), 1u);
  EXPECT_EQ(external->Clients()[0].entry.verdict, 2u) << "only external filters truncate";
  table_->UseKernel(filter_, DynBlockAction::kTruncate, Second(now_));
  EXPECT_TRUE(external->Clients().empty());
  EXPECT_TRUE(filter_->Clients().empty());
  table_->UseKernel(nullptr, DynBlockAction::kDrop, Second(now_));
  EXPECT_EQ(Row("127.0.0.2/32").blocks, 0u);
}

TEST_F(KernelBlocksTest, TimedBlocksEndAndLeaveNetworksOut) {
  using Outcome = TimedKernelFilter::Outcome;
  TimedKernelFilter timed(filter_);
  NetmaskGroup excluded;
  ASSERT_TRUE(excluded.Add("192.0.2.0/24"));
  timed.Exclude(excluded);
  NetmaskGroup included;
  ASSERT_TRUE(included.Add("192.0.2.128/25"));
  timed.Include(included);
  EXPECT_EQ(timed.Block(At("192.0.2.1"), Second(110)).value(), Outcome::kExcluded);
  EXPECT_EQ(timed.Block(At("192.0.2.129:4711"), Second(110)).value(), Outcome::kNew);
  EXPECT_EQ(timed.Block(At("192.0.2.129:53"), Second(115)).value(), Outcome::kExtended);
  EXPECT_EQ(timed.Block(At("127.0.0.2"), Second(110)).value(), Outcome::kNew);
  EXPECT_FALSE(timed.Block(At("127.0.0.3"), Second(110))) << "full";
  Flood("127.0.0.2", 3);
  ASSERT_EQ(timed.List(Second(100)).size(), 2u);
  timed.PurgeExpired(Second(110));
  ASSERT_EQ(timed.List(Second(110.5)).size(), 1u);
  EXPECT_EQ(timed.List(Second(110.5))[0].seconds, 5u);
  ASSERT_EQ(filter_->Clients().size(), 1u);
  // Unblocked by hand: its end is no error.
  ASSERT_TRUE(filter_->Unblock(At("192.0.2.129")));
  timed.PurgeExpired(Second(200));
  EXPECT_TRUE(timed.List(Second(200)).empty());
}

}  // namespace
}  // namespace breakwater
