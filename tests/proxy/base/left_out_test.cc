#include "proxy/base/left_out.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

TEST(LeftOutTest, SaysNothingWhereNothingWasLeftOut) {
  EXPECT_EQ(LeftOut(0), "");
  EXPECT_EQ(LeftOut(3), " (3 more such messages were left out)");
}

}  // namespace
}  // namespace breakwater
