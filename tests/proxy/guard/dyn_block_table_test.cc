#include "proxy/guard/dyn_block_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "proxy/guard/dyn_block_keeper.h"
#include "proxy/guard/dyn_block_report.h"

namespace breakwater {
namespace {

using Outcome = DynBlockTable::Outcome;

MonoTime At(double seconds) {
  return MonoTime::FromSeconds(seconds);
}

Address Client(const std::string& text) {
  return Address::Parse(text).value();
}

dns::Name NameOf(const std::string& text) {
  return dns::Name::Parse(text).value();
}

DynBlockCausePtr Cause(const std::string& reason, DynBlockAction action = DynBlockAction::kDrop) {
  return std::make_shared<const DynBlockCause>(DynBlockCause{.reason = reason, .action = action});
}

DynBlockCausePtr Warning(const std::string& reason) {
  return std::make_shared<const DynBlockCause>(
      DynBlockCause{.reason = reason, .action = DynBlockAction::kNoOp, .warning = true});
}

class DynBlockTableTest : public testing::Test {
 protected:
  Outcome Block(const ClientRange& range, const DynBlockCausePtr& cause, double until) {
    return DynBlockTable::Edit(table_, At(now_)).BlockClient(range, cause, At(until));
  }
  Outcome Block(const dns::Name& name, const DynBlockCausePtr& cause, double until) {
    return DynBlockTable::Edit(table_, At(now_)).BlockName(name, cause, At(until));
  }
  // The reason of the block that `client` meets; empty: none.
  std::string Met(const std::string& client) {
    const DynBlockSnapshot* blocks = view_.Get(table_);
    const DynBlock* found =
        blocks == nullptr ? nullptr : blocks->FindClient(Client(client), At(now_));
    return found == nullptr ? std::string() : found->cause->reason;
  }
  std::string MetName(const std::string& name) {
    const DynBlockSnapshot* blocks = view_.Get(table_);
    const DynBlock* found =
        blocks == nullptr ? nullptr : blocks->FindName(NameOf(name).wire(), At(now_));
    return found == nullptr ? std::string() : found->cause->reason;
  }

  DynBlockTable table_{{.clients = 4, .names = 2}};
  DynBlockView view_;
  double now_ = 100;
};

TEST_F(DynBlockTableTest, NothingIsLookedAtWhileNothingIsBlocked) {
  EXPECT_EQ(view_.Get(table_), nullptr);
  Block(ClientRange(Client("192.0.2.1"), 32), Cause("x"), 110);
  EXPECT_NE(view_.Get(table_), nullptr);
  table_.Clear();
  EXPECT_EQ(view_.Get(table_), nullptr);
}

TEST_F(DynBlockTableTest, TheSmallestRangeCountsAndTimeEndsIt) {
  Block(ClientRange(Client("192.0.2.1"), 24), Cause("net"), 200);
  Block(ClientRange(Client("192.0.2.1"), 32), Cause("host"), 110);
  Block(ClientRange(Client("2001:db8::1"), 56), Cause("v6"), 200);
  EXPECT_EQ(Met("192.0.2.1:53"), "host");
  EXPECT_EQ(Met("192.0.2.2:53"), "net");
  EXPECT_EQ(Met("192.0.3.1:53"), "");
  EXPECT_EQ(Met("[2001:db8:0:ff::9]:53"), "v6");
  EXPECT_EQ(Met("[2001:db8:0:100::9]:53"), "");
  now_ = 110;
  EXPECT_EQ(Met("192.0.2.1:53"), "net");
}

TEST_F(DynBlockTableTest, PartsOfThePorts) {
  Block(ClientRange(Client("192.0.2.1:40000"), 32, 4), Cause("ports"), 200);
  EXPECT_EQ(Met("192.0.2.1:36864"), "ports");
  EXPECT_EQ(Met("192.0.2.1:40959"), "ports");
  EXPECT_EQ(Met("192.0.2.1:40960"), "");
  EXPECT_EQ(ClientRange(Client("192.0.2.1:40000"), 32, 4).ToString(), "192.0.2.1:36864/4");
  // Ports count under full addresses alone.
  EXPECT_EQ(ClientRange(Client("192.0.2.1:40000"), 24, 4).ToString(), "192.0.2.0/24");
  EXPECT_EQ(ClientRange(Client("[2001:db8::ffff]:7"), 127).ToString(), "2001:db8::fffe/127");
}

TEST_F(DynBlockTableTest, TheLongestNameCountsWhateverItsSpelling) {
  Block(NameOf("Example.org"), Cause("zone"), 200);
  Block(NameOf("www.example.org"), Cause("host"), 110);
  EXPECT_EQ(MetName("a.WWW.example.ORG"), "host");
  EXPECT_EQ(MetName("example.org"), "zone");
  EXPECT_EQ(MetName("ample.org"), "");
  EXPECT_EQ(MetName("."), "");
  now_ = 110;
  EXPECT_EQ(MetName("www.example.org"), "zone");
}

TEST_F(DynBlockTableTest, WhatLastsLongerStaysAndKeepsItsCounter) {
  const ClientRange range(Client("192.0.2.1"), 32);
  EXPECT_EQ(Block(range, Cause("first"), 120), Outcome::kNew);
  view_.Get(table_)->FindClient(Client("192.0.2.1"), At(now_))->hits->Add(7);
  EXPECT_EQ(Block(range, Cause("shorter"), 110), Outcome::kKept);
  EXPECT_EQ(Met("192.0.2.1"), "first");
  EXPECT_EQ(Block(range, Warning("warning"), 500), Outcome::kKept);
  EXPECT_EQ(Block(range, Cause("longer"), 130), Outcome::kRefreshed);
  EXPECT_EQ(Met("192.0.2.1"), "longer");
  EXPECT_EQ(ListDynBlocks(table_, {}, At(now_)).at(0).block.hits->Get(), 7u);
  // Past its time it is as if it had not been.
  now_ = 130;
  EXPECT_EQ(Block(range, Warning("later"), 140), Outcome::kNew);
  EXPECT_EQ(ListDynBlocks(table_, {}, At(now_)).at(0).block.hits->Get(), 0u);
}

TEST_F(DynBlockTableTest, ABlockTakesThePlaceOfAWarningEvenIfShorter) {
  const ClientRange range(Client("192.0.2.1"), 32);
  EXPECT_EQ(Block(range, Warning("warning"), 200), Outcome::kNew);
  EXPECT_EQ(Block(range, Cause("block"), 110), Outcome::kNew);
  EXPECT_EQ(Met("192.0.2.1"), "block");
}

TEST_F(DynBlockTableTest, AFullTableRefusesAndMakesRoomOfWhatIsOver) {
  const auto client = [](int i) { return ClientRange(Client("192.0.2." + std::to_string(i)), 32); };
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Block(client(i), Cause("x"), 101 + i), Outcome::kNew);
  EXPECT_EQ(Block(client(9), Cause("x"), 200), Outcome::kFull);
  EXPECT_EQ(table_.refused(), 1u);
  EXPECT_EQ(Block(client(0), Cause("y"), 200), Outcome::kRefreshed);
  now_ = 102.5;
  EXPECT_EQ(Block(client(9), Cause("x"), 200), Outcome::kNew);
  EXPECT_EQ(table_.Snapshot()->clients(), 4u);  // 0, 2, 3 and 9
  EXPECT_EQ(Met("192.0.2.1"), "");
  EXPECT_EQ(Block(NameOf("a.example"), Cause("x"), 200), Outcome::kNew);
  EXPECT_EQ(Block(NameOf("b.example"), Cause("x"), 200), Outcome::kNew);
  EXPECT_EQ(Block(NameOf("c.example"), Cause("x"), 200), Outcome::kFull);
  EXPECT_EQ(table_.refused(), 2u);
}

TEST_F(DynBlockTableTest, AnEditIsSeenWhole) {
  const uint64_t version = table_.version();
  {
    DynBlockTable::Edit edit(table_, At(now_));
    edit.BlockClient(ClientRange(Client("192.0.2.1"), 32), Cause("a"), At(200));
    edit.BlockName(NameOf("a.example"), Cause("b"), At(200));
    EXPECT_EQ(table_.version(), version);
    EXPECT_EQ(table_.Snapshot()->clients(), 0u);
  }
  EXPECT_EQ(table_.version(), version + 1);
  EXPECT_EQ(Met("192.0.2.1"), "a");
  {
    DynBlockTable::Edit edit(table_, At(now_));
    EXPECT_TRUE(edit.UnblockClient(ClientRange(Client("192.0.2.1"), 32)));
    EXPECT_FALSE(edit.UnblockClient(ClientRange(Client("192.0.2.2"), 32)));
  }
  EXPECT_EQ(Met("192.0.2.1"), "");
  EXPECT_EQ(MetName("x.a.example"), "b");
}

TEST_F(DynBlockTableTest, TheKeeperPurgesAndListsOffenders) {
  Block(ClientRange(Client("192.0.2.1"), 32), Cause("rate"), 200);
  Block(ClientRange(Client("192.0.2.2"), 32), Cause("rate"), 110);
  Block(NameOf("a.example"), Cause("name"), 200);
  DynBlockKeeper keeper(std::shared_ptr<DynBlockTable>(std::shared_ptr<void>(), &table_));
  keeper.Step({.purge_interval_s = 60}, At(now_));
  view_.Get(table_)->FindClient(Client("192.0.2.1"), At(now_))->hits->Add(50);
  view_.Get(table_)->FindName(NameOf("a.example").wire(), At(now_))->hits->Add(10);
  keeper.Step({.purge_interval_s = 60}, At(110));
  ASSERT_EQ(table_.offenders().clients.size(), 1u);
  EXPECT_EQ(table_.offenders().clients[0].what, "192.0.2.1/32");
  EXPECT_EQ(table_.offenders().clients[0].reason, "rate");
  EXPECT_DOUBLE_EQ(table_.offenders().clients[0].hits_per_second, 5);
  EXPECT_EQ(table_.offenders().names.at(0).what, "a.example.");
  // No more hits, no offender.
  keeper.Step({.purge_interval_s = 60}, At(120));
  EXPECT_TRUE(table_.offenders().clients.empty());
  EXPECT_EQ(table_.Snapshot()->clients(), 2u);
  keeper.Step({.purge_interval_s = 60}, At(161));
  EXPECT_EQ(table_.Snapshot()->clients(), 1u);
  EXPECT_EQ(table_.Snapshot()->names(), 1u);
}

TEST_F(DynBlockTableTest, TheTextIsDnsdists) {
  Block(ClientRange(Client("2001:db8::5"), 128), Cause("six", DynBlockAction::kRefused), 130);
  Block(ClientRange(Client("192.0.2.1"), 32), Cause("four", DynBlockAction::kNone), 109.5);
  Block(NameOf("foo.example"), Warning("name"), 130);
  EXPECT_EQ(
      DynBlocksText(ListDynBlocks(table_, {.action = DynBlockAction::kTruncate}, At(now_)), table_),
      "What                      Seconds   Blocks Warning    Action               Reason\n"
      "192.0.2.1/32                   10        0 false      Truncate over UDP    four\n"
      "2001:db8::5/128                30        0 false      Send Refused         six\n"
      "foo.example.                   30        0 true       Do nothing           name\n");
}

// Readers on other threads see one snapshot or the next, never half of one.
TEST(DynBlockTableThreads, ReadersAndAWriter) {
  DynBlockTable table;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      DynBlockView view;
      while (!done) {
        const DynBlockSnapshot* blocks = view.Get(table);
        if (blocks == nullptr) continue;
        const DynBlock* a = blocks->FindClient(Client("192.0.2.1"), At(1));
        const DynBlock* b = blocks->FindName(NameOf("x.example").wire(), At(1));
        if ((a == nullptr) != (b == nullptr)) ++torn;
        if (a != nullptr) a->hits->Add();
      }
    });
  }
  for (int i = 0; i < 500; ++i) {
    {
      DynBlockTable::Edit edit(table, At(0));
      edit.BlockClient(ClientRange(Client("192.0.2.1"), 32), Cause("a"), At(10 + i));
      edit.BlockName(NameOf("example"), Cause("b"), At(10 + i));
    }
    if (i % 3 == 0) table.Clear();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0u);
}

TEST(DynBlockLogTest, TellsAThousandASecondAndHowManyMoreThereWere) {
  const auto cause = Cause("too many queries");
  const auto log = [&](int count, double seconds) {
    testing::internal::CaptureStdout();
    {
      DynBlockLog lines(At(seconds));
      for (int i = 0; i < count; ++i) {
        lines.Add({"192.0.2." + std::to_string(i) + "/32", *cause, 60});
      }
    }
    return testing::internal::GetCapturedStdout();
  };
  const auto lines_of = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  const std::string few = log(30, 10);
  EXPECT_EQ(lines_of(few), 30);
  EXPECT_NE(few.find("Inserting dynamic block for 192.0.2.29/32 for 60 seconds: too many queries"),
            std::string::npos);
  const std::string many = log(1500, 11);
  EXPECT_EQ(lines_of(many), 1001);
  EXPECT_NE(many.find("500 more dynamic blocks were not logged"), std::string::npos);
  for (int i = 0; i < 100; ++i) log(1, 11);
  EXPECT_EQ(lines_of(log(1, 12)), 2) << "what one pass left out is told by a later one";
}

}  // namespace
}  // namespace breakwater
