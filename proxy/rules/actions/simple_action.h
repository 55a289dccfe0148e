// Actions that are one step on the query: a callable and its text, like SimpleSelector.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "proxy/rules/action.h"

namespace breakwater {

// `Base` is Action or ResponseAction; `Step` is Flow(Query&, RuleContext&) and const-callable from
// all workers at once.
template <typename Base, typename Step>
class SimpleAction : public Base {
 public:
  SimpleAction(std::string text, Step step) : text_(std::move(text)), step_(std::move(step)) {}
  Flow Apply(Query& query, RuleContext& context) const override { return step_(query, context); }
  std::string ToString() const override { return text_; }

 private:
  std::string text_;
  Step step_;
};

template <typename Step>
ActionPtr MakeSimpleAction(std::string text, Step step) {
  return std::make_shared<SimpleAction<Action, Step>>(std::move(text), std::move(step));
}
template <typename Step>
ResponseActionPtr MakeSimpleResponseAction(std::string text, Step step) {
  return std::make_shared<SimpleAction<ResponseAction, Step>>(std::move(text), std::move(step));
}

}  // namespace breakwater
