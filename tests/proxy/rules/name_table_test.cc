#include "proxy/rules/name_set.h"
#include "proxy/rules/suffix_match_tree.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

std::string Best(const SuffixMatchTree& tree, std::string_view name) {
  const auto best = tree.BestMatch(QueryMaker::WireName(name));
  return best ? best->ToString() : "none";
}

TEST(SuffixMatchTreeTest, TheLongestSuffixIsTheBestMatch) {
  SuffixMatchTree tree;
  EXPECT_TRUE(tree.Add(NameOf("com")));
  EXPECT_TRUE(tree.Add(NameOf("Example.com")));
  EXPECT_FALSE(tree.Add(NameOf("example.COM")));
  EXPECT_EQ(Best(tree, "www.example.com"), "Example.com.");
  EXPECT_EQ(Best(tree, "EXAMPLE.com"), "Example.com.");
  EXPECT_EQ(Best(tree, "xexample.com"), "com.");
  EXPECT_EQ(Best(tree, "com.net"), "none");
  EXPECT_EQ(Best(tree, "."), "none");
  EXPECT_EQ(tree.size(), 2u);
}

TEST(SuffixMatchTreeTest, TheRootCoversEverything) {
  SuffixMatchTree tree;
  tree.Add(NameOf("."));
  EXPECT_EQ(Best(tree, "a.b"), ".");
  EXPECT_EQ(Best(tree, "."), ".");
}

TEST(SuffixMatchTreeTest, RemovedSuffixesNoLongerMatch) {
  SuffixMatchTree tree;
  tree.Add(NameOf("a.b"));
  tree.Add(NameOf("b"));
  EXPECT_TRUE(tree.Remove(NameOf("A.B")));
  EXPECT_FALSE(tree.Remove(NameOf("a.b")));
  EXPECT_EQ(Best(tree, "x.a.b"), "b.");
  tree.Clear();
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(Best(tree, "x.a.b"), "none");
}

TEST(SuffixMatchTreeTest, ACopyStaysAsItWas) {
  SuffixMatchTree tree;
  tree.Add(NameOf("a"));
  const SuffixMatchTree copy = tree;
  tree.Add(NameOf("b"));
  tree.Remove(NameOf("a"));
  EXPECT_EQ(copy.ToString(), "a.");
  EXPECT_EQ(tree.ToString(), "b.");
}

TEST(SuffixMatchTreeTest, ManyNamesComeAndGo) {
  SuffixMatchTree tree;
  const auto name = [](int i) {
    return "Host" + std::to_string(i) + ".example" + std::to_string(i % 7);
  };
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(tree.Add(NameOf(name(i))));
  // Enough to have what is left moved together, several times.
  for (int i = 0; i < 5000; ++i) {
    if (i % 10 != 0) {
      EXPECT_TRUE(tree.Remove(NameOf(name(i))));
    }
  }
  EXPECT_EQ(tree.size(), 500u);
  const SuffixMatchTree copy = tree;
  for (int i = 1; i < 5000; i += 10) EXPECT_TRUE(tree.Add(NameOf(name(i))));
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(Best(tree, "www." + name(i)), i % 10 < 2 ? name(i) + "." : "none");
    EXPECT_EQ(copy.Matches(NameOf(name(i))), i % 10 == 0);
  }
}

TEST(SuffixMatchTreeTest, TextIsSortedByTheLastLabels) {
  SuffixMatchTree tree;
  for (const char* name : {"www.example.com", "b.net", "a.example.com", "org"})
    tree.Add(NameOf(name));
  const std::string text = tree.ToString();
  SuffixMatchTree other;
  for (const char* name : {"org", "a.example.com", "b.net", "www.example.com"})
    other.Add(NameOf(name));
  EXPECT_EQ(other.ToString(), text);
  EXPECT_NE(text.find("a.example.com., www.example.com."), std::string::npos) << text;
}

TEST(SuffixMatchTreeTest, DeepNamesOfManyLabelsMatch) {
  std::string deep = "x";
  for (int i = 0; i < 126; ++i) deep += ".x";
  SuffixMatchTree tree;
  EXPECT_TRUE(tree.Add(NameOf(deep)));
  EXPECT_TRUE(tree.Matches(QueryMaker::WireName(deep)));
  EXPECT_FALSE(tree.Matches(QueryMaker::WireName(deep.substr(2))));
}

TEST(NameSetTest, HoldsExactNamesWithoutCase) {
  NameSet set;
  EXPECT_TRUE(set.Add(NameOf("Www.example.com")));
  EXPECT_FALSE(set.Add(NameOf("www.EXAMPLE.com")));
  EXPECT_TRUE(set.Matches(NameOf("WWW.example.com")));
  EXPECT_FALSE(set.Matches(NameOf("example.com")));
  EXPECT_FALSE(set.Matches(NameOf("a.www.example.com")));
  EXPECT_EQ(set.ToString(), "Www.example.com\n");
  EXPECT_TRUE(set.Remove(NameOf("www.example.com")));
  EXPECT_TRUE(set.empty());
  EXPECT_FALSE(set.Matches(NameOf("www.example.com")));
}

}  // namespace
}  // namespace breakwater::test
