// Lua's dq and dr: a query, or the answer to it, for as long as the call of a Lua function lasts.
// A script that keeps one finds it dead.
#pragma once

#include "lua/lua_classes.h"
#include "proxy/query/query.h"
#include "proxy/rules/rule_context.h"

namespace breakwater::lua {

struct QuestionView {
  Query* query = nullptr;          // null: over
  RuleContext* context = nullptr;  // null in policies: there is nothing to answer with
  std::string pool() const { return query->pool_name; }
};
struct ResponseView : QuestionView {};

template <>
struct LuaClass<QuestionView> {
  static constexpr const char* kName = "DNSQuestion";
};
template <>
struct LuaClass<ResponseView> {
  static constexpr const char* kName = "DNSResponse";
};

// A DNSResponse is a DNSQuestion with more to it: what takes the one takes the other.
template <>
inline TextResult<std::shared_ptr<QuestionView>> ReadObject<QuestionView>(Call& call, int index) {
  const char* const response = LuaClass<ResponseView>::kName;
  if (BoxAt(call.state(), index, response) != nullptr) {
    auto view = ReadObject<ResponseView>(call, index);
    if (!view) return Fail(std::move(view.error()));
    return std::shared_ptr<QuestionView>(std::move(*view));
  }
  auto box = ReadBox(call, index, LuaClass<QuestionView>::kName);
  if (!box) return Fail(std::move(box.error()));
  return std::static_pointer_cast<QuestionView>((*box)->object);
}

// Keeps the view alive for one call.
template <typename View>
class ViewGuard {
 public:
  ViewGuard(Query& query, RuleContext* context) : view_(std::make_shared<View>()) {
    view_->query = &query;
    view_->context = context;
  }
  ~ViewGuard() { view_->query = nullptr; }
  ViewGuard(const ViewGuard&) = delete;
  ViewGuard& operator=(const ViewGuard&) = delete;
  const std::shared_ptr<View>& view() const { return view_; }

 private:
  std::shared_ptr<View> view_;
};

}  // namespace breakwater::lua
