#include "lua/question_tags.h"

#include "lua/lua_function.h"

namespace breakwater::lua {

std::string GetTag(const QuestionView& v, const std::string& key) {
  const std::string* value = v.query->FindTag(key);
  return value == nullptr ? std::string() : *value;
}
void SetTag(QuestionView& v, const std::string& key, const std::string& value) {
  v.query->SetTag(key, value);
}
void UnsetTag(QuestionView& v, const std::string& key) {
  v.query->UnsetTag(key);
}
Pushed GetTags(Call& call, const QuestionView& v) {
  lua_newtable(call.state());
  if (const QueryExtras* extras = v.query->extras()) {
    for (const auto& [key, value] : extras->tags) {
      Push(call.state(), value);
      lua_setfield(call.state(), -2, key.c_str());
    }
  }
  return {1};
}
TextResult<void> SetTags(Call& call, QuestionView& v) {
  if (!IsTable(call.state(), 2)) return Fail(TypeError(call, 2, "table"));
  lua_pushnil(call.state());
  while (lua_next(call.state(), 2) != 0) {
    v.query->SetTag(PlainText(call.state(), -2), PlainText(call.state(), -1));
    lua_pop(call.state(), 1);
  }
  return {};
}

}  // namespace breakwater::lua
