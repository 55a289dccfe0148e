#include "proxy/net/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace breakwater {
namespace {

// Puts the limit back afterwards.
class DescriptorsTest : public testing::Test {
 protected:
  DescriptorsTest() { getrlimit(RLIMIT_NOFILE, &before_); }
  ~DescriptorsTest() override { setrlimit(RLIMIT_NOFILE, &before_); }
  void SetSoft(rlim_t soft) {
    rlimit limit = before_;
    limit.rlim_cur = soft;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  rlimit before_{};
};

TEST_F(DescriptorsTest, TheSoftLimitIsRaisedToTheHardOne) {
  SetSoft(100);
  EXPECT_EQ(DescriptorLimit(), 100u);
  const size_t raised = RaiseDescriptorLimit();
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(now.rlim_cur, before_.rlim_max);
  EXPECT_EQ(raised, DescriptorLimit());
  EXPECT_GT(raised, 100u);
}

TEST_F(DescriptorsTest, ThreeEighthsAreKeptBack) {
  SetSoft(80);
  EXPECT_FALSE(IsKeptBack(49));
  EXPECT_TRUE(IsKeptBack(50));
  SetSoft(160);
  EXPECT_FALSE(IsKeptBack(99));
  EXPECT_TRUE(IsKeptBack(100));
}

}  // namespace
}  // namespace breakwater
