#include "proxy/rules/query_counts.h"

#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class QueryCountsTest : public RuleHarness {
 protected:
  void Count(std::string_view description) {
    const QueryPtr query = maker_.Make(description);
    CountQuery(settings_, *query, context_);
  }
  QueryCountSettings settings_;
  QueryCounts& counts_ = *settings_.counts;
};

using Row = std::pair<std::string, uint64_t>;

TEST_F(QueryCountsTest, TheMostAskedForComeFirst) {
  for (const char* name : {"b.example", "a.example", "c.example", "c.example AAAA"}) Count(name);
  EXPECT_EQ(counts_.Top(2), (std::vector<Row>{{"c.example", 2}, {"a.example", 1}}));
  EXPECT_EQ(counts_.Top(10).size(), 3U);
  counts_.Clear();
  EXPECT_EQ(counts_.size(), 0U);
}

TEST_F(QueryCountsTest, TheRootHasAName) {
  Count(". NS");
  EXPECT_EQ(counts_.Top(1), (std::vector<Row>{{".", 1}}));
}

TEST_F(QueryCountsTest, AFilterSaysWhatCountsForWhichName) {
  settings_.filter = [](Query& query, RuleContext&) -> std::optional<std::string> {
    if (query.question.type == dns::Type::kA) return std::nullopt;
    return std::string("other");
  };
  for (const char* name : {"a.example", "a.example AAAA", "b.example TXT"}) Count(name);
  EXPECT_EQ(counts_.Top(10), (std::vector<Row>{{"other", 2}}));
}

TEST_F(QueryCountsTest, NamesAreBoundedAndKnownOnesGoOnCounting) {
  for (size_t i = 0; i < QueryCounts::kMost; ++i) ASSERT_TRUE(counts_.Add(std::to_string(i)));
  Count("one.more.example");
  EXPECT_EQ(counters_.Get(Metric::kQueryCountFull), 1U);
  EXPECT_EQ(counts_.size(), QueryCounts::kMost);
  EXPECT_TRUE(counts_.Add("77"));
  EXPECT_EQ(counts_.Top(1), (std::vector<Row>{{"77", 2}}));
}

TEST_F(QueryCountsTest, ANameWithoutEndIsCut) {
  counts_.Add(std::string(1 << 20, 'x'));
  EXPECT_EQ(counts_.Top(1).at(0).first.size(), QueryCounts::kMostText);
}

}  // namespace
}  // namespace breakwater::test
