#include "proxy/console/line_editor.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

const std::vector<std::string> kNames = {"showServers(", "showRules(", "showResponseRules(",
                                         "shutdown("};

TEST(Completion, AddsWhatAllCandidatesShare) {
  EXPECT_EQ(CompletionOf("showS", kNames, nullptr), "ervers(");
  EXPECT_EQ(CompletionOf("s", kNames, nullptr), "h");
  EXPECT_EQ(CompletionOf("sho", kNames, nullptr), "w");
  EXPECT_EQ(CompletionOf("showR", kNames, nullptr), "");
  EXPECT_EQ(CompletionOf("x", kNames, nullptr), "");
  EXPECT_EQ(CompletionOf("", kNames, nullptr), "");
}

TEST(Completion, ListsTheCandidatesSorted) {
  std::vector<std::string> candidates;
  (void)CompletionOf("showR", kNames, &candidates);
  EXPECT_EQ(candidates, (std::vector<std::string>{"showResponseRules(", "showRules("}));
}

TEST(Completion, LooksAtTheWordBeforeTheCursor) {
  EXPECT_EQ(WordBeforeCursor("x = getPool('').sh"), ".sh");
  EXPECT_EQ(WordBeforeCursor("print(showS"), "showS");
  EXPECT_EQ(WordBeforeCursor("getServer(0):setD"), ":setD");
  EXPECT_EQ(WordBeforeCursor("f( "), "");
}

}  // namespace
}  // namespace breakwater
