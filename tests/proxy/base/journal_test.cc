#include "proxy/base/journal.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

constexpr WallTime kTime{.seconds = 1'700'000'000, .nanoseconds = 42'000'000};

TEST(JournalFields, HaveAValueALine) {
  EXPECT_EQ(JournalFields(LogLevel::kWarning, "setup", "a = b", kTime),
            "MESSAGE=a = b\nLEVEL=0\nPRIORITY=4\nSUBSYSTEM=setup\nTIMESTAMP=1700000000.042\n");
}

TEST(JournalFields, OfSeveralLinesHaveTheirLengthInFront) {
  const std::string fields = JournalFields(LogLevel::kInfo, "x", "one\nPRIORITY=0", kTime);
  EXPECT_EQ(fields.substr(0, 8 + 8 + 15),
            std::string("MESSAGE\n\x0e\0\0\0\0\0\0\0one\nPRIORITY=0\n", 8 + 8 + 15));
  EXPECT_EQ(fields.substr(8 + 8 + 15, 19), "LEVEL=0\nPRIORITY=6\n");
}

TEST(JournalFields, AreCutWhereTheTextHasNoEnd) {
  EXPECT_LT(JournalFields(LogLevel::kInfo, "x", std::string(1 << 20, 'y'), kTime).size(), 33'000U);
}

TEST(Journal, ThatIsNotThereTakesNothing) {
  EXPECT_FALSE(JournalSend("MESSAGE=x\n"));
}

}  // namespace
}  // namespace breakwater
