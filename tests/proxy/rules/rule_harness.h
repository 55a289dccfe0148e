// What the tests of rules share: a maker of queries and a context to run them in. The clock
// stands until a test moves it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "proxy/base/random.h"
#include "proxy/rules/action.h"
#include "proxy/rules/selector.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {

class RuleHarness : public ::testing::Test {
 protected:
  bool Matches(const SelectorPtr& selector, std::string_view description) {
    const QueryPtr query = maker_.Make(description);
    return selector->Matches(*query, context_);
  }
  // Those of `descriptions` that match.
  std::vector<std::string> Matching(const SelectorPtr& selector,
                                    const std::vector<std::string>& descriptions) {
    std::vector<std::string> matching;
    for (const std::string& description : descriptions) {
      if (Matches(selector, description)) matching.push_back(description);
    }
    return matching;
  }

  void Advance(double seconds) { context_.now = context_.now + MonoTime::FromSeconds(seconds); }

  QueryMaker maker_;
  Random random_;
  Counters counters_;
  std::function<const Pool*(std::string_view)> find_pool_ = [](std::string_view) {
    return static_cast<const Pool*>(nullptr);
  };
  RuleContext context_{.now = MonoTime::FromSeconds(1000),
                       .random = random_,
                       .counters = counters_,
                       .packets = maker_.pool().packets(),
                       .find_pool = find_pool_};
};

inline dns::Name NameOf(std::string_view text) {
  return dns::Name::Parse(text).value();
}

}  // namespace breakwater::test
