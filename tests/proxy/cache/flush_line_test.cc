#include "proxy/cache/flush_line.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

// The line as it is understood; "" for nothing, "! WHY" for an error.
std::string Read(std::string_view line, const FlushLineDefaults& defaults = {}) {
  const auto flush = ParseFlushLine(line, defaults);
  if (!flush) return "! " + flush.error();
  return *flush ? FlushLineOf(**flush) : "";
}

TEST(FlushLineTest, WordsBehindTheNameSayWhatIsFlushed) {
  EXPECT_EQ(Read("example.com"), "example.com.");
  EXPECT_EQ(Read("  example.com.\tA \r"), "example.com. A");
  EXPECT_EQ(Read("example.com Suffix HARD aaaa"), "example.com. AAAA suffix hard");
  EXPECT_EQ(Read("example.com TYPE65280"), "example.com. TYPE65280");
  EXPECT_EQ(Read("example.com ANY"), "example.com.");
  EXPECT_EQ(Read(". suffix"), ". suffix");
}

TEST(FlushLineTest, DefaultsHoldWhereALineSaysNothing) {
  const FlushLineDefaults defaults{.suffix = true, .type = dns::Type::kA};
  EXPECT_EQ(Read("example.com", defaults), "example.com. A suffix");
  EXPECT_EQ(Read("example.com ANY", defaults), "example.com. suffix");
}

TEST(FlushLineTest, CommentsAndEmptyLinesAreNothing) {
  for (const char* line : {"", "   ", "# all", " \t# x", "\r"}) EXPECT_EQ(Read(line), "") << line;
  EXPECT_EQ(Read("example.com # and more"), "example.com.");
}

TEST(FlushLineTest, ANameIsWrittenSoThatItIsReadAgain) {
  for (const char* line :
       {"a\\035b.example. suffix", "a\\032b\\.c\\\\d.example.", "\\000.example."}) {
    EXPECT_EQ(Read(line), line);
  }
}

TEST(FlushLineTest, SaysWhatIsWrong) {
  EXPECT_EQ(Read("bad..name"), "! 'bad..name' is not a domain name: it has an empty label");
  EXPECT_EQ(Read("example.com wide"), "! 'wide' is neither a record type nor 'suffix' nor 'hard'");
  EXPECT_EQ(Read("example.com \x1b[31m").substr(0, 9), "! '?[31m'");
  EXPECT_EQ(Read(std::string(3000, 'a')), "! it is longer than 2048 characters");
}

}  // namespace
}  // namespace breakwater
