// The tags of dq and dr: texts by name that rules give a query, and that its answer keeps.
#pragma once

#include <string>

#include "lua/question_view.h"

namespace breakwater::lua {

// An empty text where there is no such tag.
std::string GetTag(const QuestionView& view, const std::string& key);
void SetTag(QuestionView& view, const std::string& key, const std::string& value);
void UnsetTag(QuestionView& view, const std::string& key);
Pushed GetTags(Call& call, const QuestionView& view);
TextResult<void> SetTags(Call& call, QuestionView& view);

}  // namespace breakwater::lua
