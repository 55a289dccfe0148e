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
  const QueryExtras* const extras = v.query->extras();
  // A copy: what allocates may run finalizers, and these change tags.
  const auto tags = extras == nullptr ? decltype(extras->tags)() : extras->tags;
  lua_newtable(call.state());
  for (const auto& [key, value] : tags) {
    Push(call.state(), value);
    lua_setfield(call.state(), -2, key.c_str());
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

TextResult<void> SetMeta(Call& call, QuestionView& v, const std::string& key) {
  if (!IsTable(call.state(), 3)) return Fail(TypeError(call, 3, "list"));
  QueryMeta meta{.key = key, .texts = {}, .numbers = {}};
  const auto length = static_cast<lua_Integer>(lua_rawlen(call.state(), 3));
  for (lua_Integer i = 1; i <= length; ++i) {
    lua_rawgeti(call.state(), 3, i);
    const int type = lua_type(call.state(), -1);
    const auto number = ToInteger(call.state(), -1);
    if (type == LUA_TSTRING) {
      meta.texts.push_back(PlainText(call.state(), -1));
    } else if (type == LUA_TNUMBER && number) {
      meta.numbers.push_back(*number);
    } else {
      const char* const name = luaL_typename(call.state(), -1);
      lua_pop(call.state(), 1);
      return Fail(std::string("values are texts and whole numbers, not a ") + name);
    }
    lua_pop(call.state(), 1);
  }
  auto& metas = v.query->Extras().metas;
  std::erase_if(metas, [&](const QueryMeta& known) { return known.key == key; });
  metas.push_back(std::move(meta));
  return {};
}

}  // namespace breakwater::lua
