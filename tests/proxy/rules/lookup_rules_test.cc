#include <map>

#include "proxy/base/text.h"
#include "proxy/rules/actions/lookup_actions.h"
#include "proxy/rules/selectors/lookup_selectors.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

// Ranges: the keys themselves, with "range " before the value.
class MapStore final : public KeyValueStore {
 public:
  bool Find(Key key, Visitor visit) const override {
    const auto found = entries.find(std::string(AsText(key)));
    if (found != entries.end()) visit(found->second);
    return found != entries.end();
  }
  bool FindRange(Key key, Visitor visit) const override {
    return Find(key, [&](std::string_view value) { visit("range " + std::string(value)); });
  }
  std::string ToString() const override { return "map"; }
  std::map<std::string, std::string> entries = {{"example.org", "parent"}, {"org", "top"}};
};

class LookupRulesTest : public RuleHarness {
 protected:
  std::string TagAfter(const ActionPtr& action, std::string_view description) {
    const QueryPtr query = maker_.Make(description);
    query->SetTag("found", "before");
    EXPECT_EQ(action->Apply(*query, context_), Flow::kContinue);
    return *query->FindTag("found");
  }
  KeyValueStorePtr store_ = std::make_shared<MapStore>();
  LookupKeyPtr suffix_ = MakeSuffixKey(2, NameForm::kText);
};

TEST_F(LookupRulesTest, TheSelectorMatchesWhereAKeyIsThere) {
  const std::vector<std::string> names = {"a.example.org", "b.org", "example.org", "example.net"};
  const std::vector<std::string> wanted = {"a.example.org", "example.org"};
  for (const SelectorPtr& selector :
       {MakeLookupSelector(store_, suffix_), MakeRangeLookupSelector(store_, suffix_)}) {
    EXPECT_EQ(Matching(selector, names), wanted);
    EXPECT_EQ(*selector->Peek(*maker_.Make("example.org"), context_), true);
  }
}

TEST_F(LookupRulesTest, TheActionSetsTheTagToWhatItFinds) {
  const ActionPtr action = MakeLookupAction(store_, suffix_, "found");
  EXPECT_EQ(TagAfter(action, "a.example.org"), "parent");
  EXPECT_EQ(TagAfter(action, "a.org"), "");
  EXPECT_EQ(TagAfter(MakeRangeLookupAction(store_, suffix_, "found"), "a.example.org"),
            "range parent");
}

TEST_F(LookupRulesTest, ForeseeSetsTheTagToo) {
  const QueryPtr query = maker_.Make("a.example.org");
  EXPECT_EQ(MakeLookupAction(store_, suffix_, "found")->Foresee(*query, context_), Flow::kContinue);
  EXPECT_EQ(*query->FindTag("found"), "parent");
}

}  // namespace
}  // namespace breakwater::test
