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

// setMetaKey(key, {texts and whole numbers}): told to collectors of protobuf with each message of
// the query from then on. The same key again replaces it.
TextResult<void> SetMeta(Call& call, QuestionView& view, const std::string& key);

}  // namespace breakwater::lua
