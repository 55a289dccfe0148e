#include "proxy/rules/selectors/logic_selectors.h"

#include <utility>

#include "proxy/rules/selectors/simple_selector.h"

namespace breakwater {
namespace {

std::string Join(const std::vector<SelectorPtr>& parts, const char* between) {
  std::string text;
  for (const SelectorPtr& part : parts) {
    if (!text.empty()) text += between;
    text += "(" + part->ToString() + ")";
  }
  return text;
}

// And and Or: `kDecides` is the answer of a part that settles the whole.
template <bool kDecides>
class ListSelector : public Selector {
 public:
  explicit ListSelector(std::vector<SelectorPtr> parts) : parts_(std::move(parts)) {}

  bool Matches(const Query& query, RuleContext& context) const override {
    for (const SelectorPtr& part : parts_) {
      if (part->Matches(query, context) == kDecides) return kDecides;
    }
    return !kDecides;
  }
  std::optional<bool> Peek(const Query& query, RuleContext& context) const override {
    std::optional<bool> answer = !kDecides;
    for (const SelectorPtr& part : parts_) {
      const std::optional<bool> one = part->Peek(query, context);
      if (one == kDecides) return kDecides;
      if (!one) answer.reset();
    }
    return answer;
  }
  std::string ToString() const override { return Join(parts_, kDecides ? " || " : " && "); }

 private:
  std::vector<SelectorPtr> parts_;
};

class NotSelector : public Selector {
 public:
  explicit NotSelector(SelectorPtr part) : part_(std::move(part)) {}
  bool Matches(const Query& query, RuleContext& context) const override {
    return !part_->Matches(query, context);
  }
  std::optional<bool> Peek(const Query& query, RuleContext& context) const override {
    const std::optional<bool> answer = part_->Peek(query, context);
    return answer ? std::optional<bool>(!*answer) : std::nullopt;
  }
  std::string ToString() const override { return "!(" + part_->ToString() + ")"; }

 private:
  SelectorPtr part_;
};

}  // namespace

SelectorPtr MakeAllSelector() {
  return MakeSimpleSelector("All", [](const Query&, RuleContext&) { return true; });
}
SelectorPtr MakeAndSelector(std::vector<SelectorPtr> parts) {
  return std::make_shared<ListSelector<false>>(std::move(parts));
}
SelectorPtr MakeOrSelector(std::vector<SelectorPtr> parts) {
  return std::make_shared<ListSelector<true>>(std::move(parts));
}
SelectorPtr MakeNotSelector(SelectorPtr part) {
  return std::make_shared<NotSelector>(std::move(part));
}

}  // namespace breakwater
