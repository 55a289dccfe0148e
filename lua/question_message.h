// What dq and dr do with the message as a whole: EDNS options, trailing data, its bytes, its name,
// its TTLs. The methods stand in the tables of bind_question.cc.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lua/object_args.h"
#include "lua/question_view.h"

namespace breakwater::lua {

// The values of one option code, in the order of the message.
struct EdnsOptionView {
  std::vector<std::string> values;
};
template <>
struct LuaClass<EdnsOptionView> {
  static constexpr const char* kName = "EDNSOptionView";
};

std::string GetContent(const QuestionView& view);
TextResult<void> SetContent(QuestionView& view, const std::string& content);
std::string GetTrailingData(const QuestionView& view);
TextResult<bool> SetTrailingData(QuestionView& view, const std::string& data);
TextResult<bool> ChangeName(QuestionView& view, const NameArg& name);
// A table from option code to EDNSOptionView.
Pushed GetEdnsOptions(Call& call, const QuestionView& view);
TextResult<bool> SetOption(QuestionView& view, uint16_t code, const std::string& data);
// Keeps a query as it is now for DNSResponse:restart(); an error for an answer, and in a policy,
// which has no context.
TextResult<void> MakeRestartable(Query& query, const RuleContext* context);
// Calls function(section, class, type, ttl) for each record, and writes the TTL it gives.
TextResult<void> EditTtls(Call& call, ResponseView& view);

}  // namespace breakwater::lua
