#include "proxy/net/kernel_filter.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "proxy/net/kernel_filter_program.h"

namespace breakwater {
namespace {

using RangeRule = KernelFilter::RangeRule;
constexpr auto kDrop = KernelVerdict::kDrop;
constexpr auto kPass = KernelVerdict::kPass;

Address At(const std::string& text) {
  return Address::Parse(text).value();
}
Netmask Range(const std::string& text) {
  return Netmask::Parse(text).value();
}
dns::Name NameOf(const std::string& text) {
  return dns::Name::Parse(text).value();
}

TEST(KernelFilterKeys, AV4AddressIsANumber) {
  EXPECT_EQ(KernelV4KeyOf(At("192.0.2.1:4711")).address, 0xc0000201u);
  EXPECT_EQ(AddressOf(KernelV4KeyOf(At("192.0.2.1:4711"))), At("192.0.2.1"));
}

TEST(KernelFilterKeys, AV6AddressIsInNetworkOrder) {
  const KernelV6Key key = KernelV6KeyOf(At("2001:db8::1"));
  EXPECT_EQ(key.address[0], 0x20);
  EXPECT_EQ(key.address[15], 1);
  EXPECT_EQ(AddressOf(key), At("2001:db8::1"));
}

TEST(KernelFilterKeys, RangesHaveTheirLengthFirst) {
  const KernelV4RangeKey v4 = KernelV4RangeKeyOf(Range("192.0.2.128/25"));
  EXPECT_EQ(v4.bits, 25u);
  EXPECT_EQ(v4.address[0], 192);
  EXPECT_EQ(v4.address[3], 128);
  EXPECT_EQ(RangeOf(v4), Range("192.0.2.128/25"));
  const KernelV6RangeKey v6 = KernelV6RangeKeyOf(Range("2001:db8::/33"));
  EXPECT_EQ(v6.bits, 33u);
  EXPECT_EQ(RangeOf(v6), Range("2001:db8::/33"));
}

TEST(KernelFilterKeys, NamesAreInLowerCaseWithZerosBehind) {
  const KernelNameKey key = KernelNameKeyOf(NameOf("Bad.EXAMPLE"), 28);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(key.name), 14),
            std::string("\3bad\7example\0\0", 14));
  EXPECT_EQ(key.type, 28);
  EXPECT_EQ(NameOf(key), NameOf("bad.example"));
  const std::string longest(63, 'a');
  const std::string name = longest + "." + longest + "." + longest + "." + std::string(61, 'a');
  EXPECT_EQ(NameOf(KernelNameKeyOf(NameOf(name), 1)), NameOf(name));
}

TEST(KernelFilterKeys, WhatIsNoNameIsTheRoot) {
  KernelNameKey key;
  std::memset(key.name, 0xff, sizeof(key.name));
  EXPECT_TRUE(NameOf(key).IsRoot());
}

TEST(KernelFilterPretended, GrantsEverythingButWhatNoFilterCanDo) {
  const auto filter = KernelFilter::Pretend({.v4 = {.max_items = 1}});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(filter->Block(At("192.0.2.1"), kDrop));
  EXPECT_TRUE(filter->Unblock(At("192.0.2.2")));
  EXPECT_FALSE(filter->Block(At("192.0.2.1"), KernelVerdict::kTruncate));
  EXPECT_TRUE(filter->Clients().empty());
  EXPECT_TRUE(filter->Attach(-1, SocketKind::kUdp));
}

// As that of streams, which is without names, where there are tables of names alone.
TEST(KernelFilterProgramOfNoTables, OnlyPasses) {
  const auto program = KernelFilterProgram({});
  ASSERT_EQ(program.size(), 2u);
  EXPECT_EQ(program[0].imm, -1);
  EXPECT_EQ(program[1].code, BPF_JMP | BPF_EXIT);
}

TEST(KernelRefusal, SaysWhatToDo) {
  EXPECT_NE(KernelRefusal("load", EPERM).find("CAP_BPF"), std::string::npos);
  EXPECT_NE(KernelRefusal("load", ENOSYS).find("leave the filter out"), std::string::npos);
  EXPECT_NE(KernelRefusal("load", ENOMEM).find("fewer entries"), std::string::npos);
}

// A filter in this kernel, and two sockets through it.
class KernelFilterTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = KernelFilter::Open({.v4 = {.max_items = 2},
                                      .v6 = {.max_items = 2},
                                      .v4_ranges = {.max_items = 3},
                                      .v6_ranges = {.max_items = 3},
                                      .names = {.max_items = 3}});
    if (!opened) GTEST_SKIP() << "needs root and a kernel with bpf(2): " << opened.error();
    filter_ = *opened;
    v4_ = Bound("127.0.0.1");
    v6_ = Bound("::1");
    for (const UniqueFd* socket : {&v4_, &v6_}) {
      const auto attached = filter_->Attach(socket->get(), SocketKind::kUdp);
      ASSERT_TRUE(attached) << attached.error();
    }
  }

  static UniqueFd Bound(const std::string& address) {
    return OpenBoundSocket(SocketKind::kUdp, At(address), {}).value();
  }
  static std::string Question(const dns::Name& name, uint16_t type) {
    const auto wire = name.wire();
    return std::string("\1\2\1\0\0\1\0\0\0\0\0\0", 12) + std::string(wire.begin(), wire.end()) +
           static_cast<char>(type >> 8) + static_cast<char>(type & 0xff) + std::string("\0\1", 2);
  }

  void Send(const std::string& source, const std::string& message) {
    const UniqueFd client = Bound(source);
    const Address to = LocalAddressOf((At(source).IsV6() ? v6_ : v4_).get());
    ASSERT_EQ(sendto(client.get(), message.data(), message.size(), 0, to.sockaddr_ptr(),
                     to.sockaddr_length()),
              static_cast<ssize_t>(message.size()));
  }
  static void Await(const std::function<bool()>& done) {
    for (int i = 0; i < 1'000'000 && !done(); ++i) sched_yield();
    EXPECT_TRUE(done());
  }
  // Whether it comes through. What is sent after it always does, so nobody waits for nothing.
  bool Passes(const std::string& source, const std::string& message) {
    const bool v6 = At(source).IsV6();
    const int fd = (v6 ? v6_ : v4_).get();
    Send(source, message);
    Send(v6 ? "::1" : "127.0.0.99", "marker");
    for (bool passed = false;;) {
      pollfd ready{fd, POLLIN, 0};
      EXPECT_EQ(poll(&ready, 1, 5000), 1) << "the marker is lost";
      if (ready.revents == 0) return passed;
      std::string got(2048, '\0');
      got.resize(static_cast<size_t>(std::max<ssize_t>(0, recv(fd, got.data(), got.size(), 0))));
      if (got == "marker") return passed;
      passed = passed || got == message;
    }
  }
  bool Asks(const std::string& name, uint16_t type) {
    return Passes("127.0.0.2", Question(NameOf(name), type));
  }

  std::shared_ptr<KernelFilter> filter_;
  UniqueFd v4_;
  UniqueFd v6_;
};

TEST_F(KernelFilterTest, EveryTableMayBeTheOnlyOne) {
  KernelFilterOptions all[6];
  all[0].v4.max_items = all[1].v6.max_items = all[2].v4_ranges.max_items = 2;
  all[3].v6_ranges.max_items = all[4].names.max_items = 2;  // and one without any
  for (const KernelFilterOptions& options : all) {
    const auto opened = KernelFilter::Open(options);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_TRUE((*opened)->Attach(v4_.get(), SocketKind::kTcp));
    EXPECT_TRUE((*opened)->Attach(v4_.get(), SocketKind::kUdp));
    EXPECT_TRUE(Passes("127.0.0.2", "one"));
  }
}

TEST_F(KernelFilterTest, ABlockedAddressIsDroppedAndCounted) {
  ASSERT_TRUE(filter_->Block(At("127.0.0.2"), kDrop));
  EXPECT_FALSE(Passes("127.0.0.2", "one"));
  EXPECT_FALSE(Passes("127.0.0.2", Question(NameOf("a.example"), 1)));
  EXPECT_TRUE(Passes("127.0.0.3", "two"));
  EXPECT_EQ(filter_->HitsOf(At("127.0.0.2")), 2u);
  EXPECT_EQ(filter_->HitsOf(At("127.0.0.3")), std::nullopt);
  EXPECT_EQ(KernelFilterStatsText(*filter_), "127.0.0.2: 2\n");
  EXPECT_EQ(filter_->Take(At("127.0.0.2")), 2u);
  EXPECT_TRUE(Passes("127.0.0.2", "three"));
}

TEST_F(KernelFilterTest, V6AddressesAndRangesToo) {
  ASSERT_TRUE(filter_->AddRange(Range("2001:db8::/32"), kDrop, RangeRule::kIfItMatters));
  EXPECT_TRUE(Passes("::1", "one"));
  // The marker comes from ::1 as well: only the counters tell.
  ASSERT_TRUE(filter_->Block(At("::1"), kDrop));
  Send("::1", "two");
  Await([&] { return filter_->HitsOf(At("::1")) == 1u; });
  ASSERT_TRUE(filter_->Unblock(At("::1")));
  ASSERT_TRUE(filter_->AddRange(Range("::/64"), kDrop, RangeRule::kIfItMatters));
  Send("::1", "three");
  Await([&] { return filter_->Ranges().at(0).entry.hits == 1; });
  ASSERT_TRUE(filter_->RemoveRange(Range("::/64")));
  EXPECT_TRUE(Passes("::1", "four"));
  ASSERT_TRUE(filter_->Block(At("2001:db8::7"), kDrop));
  EXPECT_EQ(KernelFilterStatsText(*filter_), "[2001:db8::7]: 0\n2001:db8::/32: 0\n");
}

TEST_F(KernelFilterTest, NamesWithOneTypeOrWithAny) {
  ASSERT_TRUE(filter_->BlockName(NameOf("Bad.example"), 28, kDrop));
  ASSERT_TRUE(filter_->BlockName(NameOf("worse.example"), kKernelAnyType, kDrop));
  EXPECT_FALSE(Asks("bad.example", 28));
  EXPECT_FALSE(Asks("BAD.eXaMpLe", 28));
  EXPECT_TRUE(Asks("bad.example", 1));
  EXPECT_TRUE(Asks("www.bad.example", 28));
  EXPECT_TRUE(Asks("example", 28));
  EXPECT_FALSE(Asks("worse.example", 1));
  EXPECT_FALSE(Asks("WORSE.EXAMPLE", 255));
  EXPECT_TRUE(Asks("worse.example.net", 1));
  EXPECT_EQ(KernelFilterStatsText(*filter_), "bad.example. 28: 2\nworse.example. 65535: 2\n");
  ASSERT_TRUE(filter_->UnblockName(NameOf("worse.EXAMPLE"), kKernelAnyType));
  EXPECT_TRUE(Asks("worse.example", 1));
}

TEST_F(KernelFilterTest, TheLongestNamesAndTheRoot) {
  const std::string label(63, 'Z');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'Q');
  std::string deepest = "a";
  for (int i = 0; i < 126; ++i) deepest += ".B";
  ASSERT_TRUE(filter_->BlockName(NameOf(longest), kKernelAnyType, kDrop));
  ASSERT_TRUE(filter_->BlockName(NameOf(deepest), kKernelAnyType, kDrop));
  ASSERT_TRUE(filter_->BlockName(NameOf("."), 2, kDrop));
  EXPECT_FALSE(Asks(longest, 1));
  EXPECT_FALSE(Asks(deepest, 1));
  EXPECT_FALSE(Asks(".", 2));
  EXPECT_TRUE(Asks(".", 1));
  // What differs in the last octet or is no letter (0x41 with the high bit is none either).
  EXPECT_TRUE(Asks(label + "." + label + "." + label + "." + std::string(60, 'q') + "r", 1));
  ASSERT_TRUE(filter_->UnblockName(NameOf("."), 2));
  ASSERT_TRUE(filter_->BlockName(NameOf("\\193@[.example"), kKernelAnyType, kDrop));
  EXPECT_TRUE(Asks("\\225`{.example", 1));
  EXPECT_FALSE(Asks("\\193@[.EXAMPLE", 1));
}

TEST_F(KernelFilterTest, WhatIsNoQuestionPasses) {
  ASSERT_TRUE(filter_->BlockName(NameOf("."), kKernelAnyType, kDrop));
  const std::string header(12, '\0');
  EXPECT_TRUE(Passes("127.0.0.2", "x"));
  EXPECT_TRUE(Passes("127.0.0.2", header));
  EXPECT_TRUE(Passes("127.0.0.2", header + '\0'));                            // no type
  EXPECT_TRUE(Passes("127.0.0.2", header + "\3ab"));                          // ends in a label
  EXPECT_TRUE(Passes("127.0.0.2", header + "\xc0\x0c" + std::string(4, 0)));  // a pointer
  EXPECT_TRUE(Passes("127.0.0.2", header + std::string(300, '\1')));          // too long
  EXPECT_FALSE(Passes("127.0.0.2", header + std::string(5, '\0')));
}

TEST_F(KernelFilterTest, AnAddressBeforeRangesTheLongestBeforeOthersThenNames) {
  ASSERT_TRUE(filter_->AddRange(Range("127.0.0.0/24"), kPass, RangeRule::kInAnyCase));
  ASSERT_TRUE(filter_->AddRange(Range("127.0.0.16/28"), kDrop, RangeRule::kIfItMatters));
  ASSERT_TRUE(filter_->Block(At("127.0.0.17"), kPass));
  ASSERT_TRUE(filter_->Block(At("127.0.0.2"), kDrop));
  ASSERT_TRUE(filter_->BlockName(NameOf("bad.example"), kKernelAnyType, kDrop));
  EXPECT_FALSE(Passes("127.0.0.16", "one"));
  EXPECT_TRUE(Passes("127.0.0.17", "two"));
  EXPECT_FALSE(Passes("127.0.0.2", "three"));
  EXPECT_TRUE(Passes("127.0.0.17", Question(NameOf("bad.example"), 1)));
  EXPECT_TRUE(Passes("127.0.0.4", Question(NameOf("bad.example"), 1)));
  EXPECT_FALSE(Passes("127.0.1.4", Question(NameOf("bad.example"), 1)));
  ASSERT_TRUE(filter_->RemoveRange(Range("127.0.0.16/28")));
  EXPECT_TRUE(Passes("127.0.0.16", "four"));
  // Of the marker the /24 has been told each time.
  EXPECT_EQ(KernelFilterRangesText(*filter_),
            "127.0.0.0/24\tPass\t" + std::to_string(filter_->Ranges().at(0).entry.hits) + "\n");
}

TEST_F(KernelFilterTest, RangesThatChangeNothingAreRefused) {
  EXPECT_FALSE(filter_->AddRange(Range("192.0.2.0/24"), kPass, RangeRule::kIfItMatters));
  ASSERT_TRUE(filter_->AddRange(Range("192.0.2.0/24"), kDrop, RangeRule::kIfItMatters));
  EXPECT_FALSE(filter_->AddRange(Range("192.0.2.0/24"), kDrop, RangeRule::kIfItMatters));
  const auto refused = filter_->AddRange(Range("192.0.2.0/25"), kDrop, RangeRule::kIfItMatters);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            "a rule for 192.0.2.0/25 changes nothing: Drop is what becomes of it "
            "already; force=true adds it");
  EXPECT_TRUE(filter_->AddRange(Range("192.0.2.0/25"), kPass, RangeRule::kIfItMatters));
  EXPECT_TRUE(filter_->AddRange(Range("192.0.2.0/25"), kDrop, RangeRule::kIfItMatters));
  EXPECT_TRUE(filter_->AddRange(Range("192.0.2.0/26"), kDrop, RangeRule::kInAnyCase));
  EXPECT_FALSE(filter_->AddRange(Range("192.0.2.0/27"), kDrop, RangeRule::kInAnyCase)) << "full";
  EXPECT_FALSE(filter_->RemoveRange(Range("192.0.2.0/27")));
}

TEST_F(KernelFilterTest, FullTablesAndRepeatedEntriesAreErrors) {
  ASSERT_TRUE(filter_->Block(At("192.0.2.1"), kDrop));
  EXPECT_EQ(filter_->Block(At("192.0.2.1"), kDrop).error(), "192.0.2.1 is blocked already");
  ASSERT_TRUE(filter_->Block(At("192.0.2.2"), kDrop));
  EXPECT_EQ(filter_->Block(At("192.0.2.3"), kDrop).error(),
            "cannot block 192.0.2.3: the table of IPv4 addresses is full with 2; raise "
            "ipv4MaxItems or unblock others");
  EXPECT_EQ(filter_->Unblock(At("192.0.2.3")).error(), "192.0.2.3 is not blocked");
  EXPECT_EQ(filter_->UnblockName(NameOf("x.example"), 1).error(),
            "x.example. with type 1 is not blocked");
  EXPECT_FALSE(filter_->Block(At("192.0.2.4"), KernelVerdict::kTruncate));
  const auto none = KernelFilter::Open({.v4 = {.max_items = 1}}).value();
  EXPECT_EQ(none->Block(At("2001:db8::1"), kDrop).error(),
            "this filter has no room for IPv6 addresses: give newBPFFilter() ipv6MaxItems");
  EXPECT_FALSE(none->BlockName(NameOf("x.example"), 1, kDrop));
  EXPECT_FALSE(none->AddRange(Range("192.0.2.0/24"), kDrop, RangeRule::kInAnyCase));
}

TEST_F(KernelFilterTest, ASocketKeepsItsFilterWhenTheObjectIsGone) {
  ASSERT_TRUE(filter_->Block(At("127.0.0.2"), kDrop));
  filter_.reset();
  EXPECT_FALSE(Passes("127.0.0.2", "one"));
  EXPECT_TRUE(Passes("127.0.0.3", "two"));
}

TEST_F(KernelFilterTest, AnotherFilterTakesThePlaceOfTheFirst) {
  ASSERT_TRUE(filter_->Block(At("127.0.0.2"), kDrop));
  const auto other = KernelFilter::Open({.v4 = {.max_items = 1}}).value();
  ASSERT_TRUE(other->Attach(v4_.get(), SocketKind::kUdp));
  EXPECT_TRUE(Passes("127.0.0.2", "one"));
  EXPECT_FALSE(other->Attach(-1, SocketKind::kUdp));
}

class PinnedMapsTest : public KernelFilterTest {
 protected:
  void SetUp() override {
    struct statfs system {};
    constexpr auto kBpfFs = 0xcafe4a11;
    if (statfs("/sys/fs/bpf", &system) != 0 || system.f_type != kBpfFs) {
      GTEST_SKIP() << "no BPF file system is mounted at /sys/fs/bpf";
    }
    KernelFilterTest::SetUp();
  }
  void TearDown() override { std::filesystem::remove(path); }

  const std::string path = "/sys/fs/bpf/bw_test_" + std::to_string(getpid());
};

TEST_F(PinnedMapsTest, AreFoundAgain) {
  const KernelFilterOptions options{.v4 = {.max_items = 2, .pinned_path = path}, .external = true};
  {
    const auto first = KernelFilter::Open(options);
    ASSERT_TRUE(first) << first.error();
    ASSERT_TRUE((*first)->Block(At("192.0.2.1"), KernelVerdict::kTruncate));
    ASSERT_TRUE((*first)->Attach(v4_.get(), SocketKind::kUdp)) << "does nothing";
  }
  const auto second = KernelFilter::Open({.v4 = {.max_items = 7, .pinned_path = path}}).value();
  ASSERT_EQ(second->Clients().size(), 1u);
  EXPECT_EQ(second->Clients()[0].client, At("192.0.2.1"));
  EXPECT_TRUE(second->Block(At("192.0.2.2"), kDrop));
  EXPECT_NE(second->Block(At("192.0.2.3"), kDrop).error().find("full with 2"), std::string::npos);
  const auto other = KernelFilter::Open({.names = {.max_items = 2, .pinned_path = path}});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().find("is no map of this kind"), std::string::npos) << other.error();
  const auto nowhere = KernelFilter::Open({.v4 = {.max_items = 2, .pinned_path = "/tmp/bw_no"}});
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().find("mount -t bpf"), std::string::npos) << nowhere.error();
}

TEST_F(PinnedMapsTest, LoseWhatAProcessThatIsGoneHasPutThereForATime) {
  const KernelFilterOptions options{.v4 = {.max_items = 9, .pinned_path = path}, .external = true};
  const auto living = KernelFilter::Open(options).value();
  ASSERT_TRUE(living->Block(At("192.0.2.1"), kDrop, KernelFilter::Stay::kWhileWeRun));
  const pid_t child = fork();
  if (child == 0) {
    const auto killed = KernelFilter::Open(options);
    if (killed && (*killed)->Block(At("192.0.2.2"), kDrop)) {
      (void)(*killed)->Block(At("192.0.2.3"), kDrop, KernelFilter::Stay::kWhileWeRun);
    }
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  ASSERT_EQ(living->Clients().size(), 3u);
  const auto next = KernelFilter::Open(options).value();
  ASSERT_EQ(next->Clients().size(), 2u);
  EXPECT_EQ(next->HitsOf(At("192.0.2.3")), std::nullopt);
  EXPECT_TRUE(next->Block(At("192.0.2.3"), kDrop));
}

TEST(KernelOwner, IsKnownByItsNumberAndItsBeginning) {
  const uint32_t ours = ThisKernelOwner();
  EXPECT_FALSE(KernelOwnerIsGone(ours));
  EXPECT_TRUE(KernelOwnerIsGone(ours ^ 1u << 22)) << "another that had our number";
  EXPECT_FALSE(KernelOwnerIsGone(kNoKernelOwner));
  EXPECT_FALSE(KernelOwnerIsGone(0x00007fff)) << "what others may have left there";
  const pid_t child = fork();
  if (child == 0) _exit(0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(KernelOwnerIsGone(0xb0000000u | static_cast<uint32_t>(child)));
}

}  // namespace
}  // namespace breakwater
