// A selector that is one question to the query: a callable and its text. For selectors without
// state and side effects.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "proxy/rules/selector.h"

namespace breakwater {

// `Test` is bool(const Query&, RuleContext&) and const-callable from all workers at once.
template <typename Test>
class SimpleSelector : public Selector {
 public:
  SimpleSelector(std::string text, Test test) : text_(std::move(text)), test_(std::move(test)) {}
  bool Matches(const Query& query, RuleContext& context) const override {
    return test_(query, context);
  }
  std::string ToString() const override { return text_; }

 private:
  std::string text_;
  Test test_;
};

template <typename Test>
SelectorPtr MakeSimpleSelector(std::string text, Test test) {
  return std::make_shared<SimpleSelector<Test>>(std::move(text), std::move(test));
}

}  // namespace breakwater
