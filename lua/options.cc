#include "lua/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "lua/known_options.h"
#include "lua/lua_function.h"
#include "proxy/base/text.h"

namespace breakwater::lua {
bool Options::PushValue(const char* name) {
  if (call_ == nullptr) return false;
  lua_pushstring(call_->state(), name);
  lua_rawget(call_->state(), index_);
  if (!lua_isnil(call_->state(), -1)) return true;
  lua_pop(call_->state(), 1);
  return false;
}

bool Options::Has(const char* name) {
  if (!PushValue(name)) return false;
  lua_pop(call_->state(), 1);
  return true;
}

void Options::Accept(std::initializer_list<const char*> names) {
  known_.insert(known_.end(), names.begin(), names.end());
}

void Options::Unavailable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    known_.push_back(name);
    if (call_ != nullptr) NoteOption(*call_, name, OptionKind::kUnavailable);
    if (Has(name)) Reject(fmt::format("option '{}' is not available yet", name));
  }
}

void Options::Problem(std::string text) {
  if (call_ == nullptr) return;
  if (rejects_problems_ || call_->runtime().strict()) {
    Reject(std::move(text));
  } else {
    call_->Warn(text + ", ignored");
  }
}

void Options::Reject(std::string text) {
  if (error_.empty()) error_ = std::move(text);
}

TextResult<void> Options::Finish() {
  if (call_ == nullptr) return error_.empty() ? TextResult<void>() : Fail(error_);
  // Not those of a table inside of it.
  if (index_ <= call_->count()) {
    for (const std::string& name : known_) NoteOption(*call_, name, OptionKind::kRead);
  }
  lua_State* const state = call_->state();
  lua_pushnil(state);
  while (lua_next(state, index_) != 0) {
    lua_pop(state, 1);
    const std::string name = PlainText(state, -1);
    if (lua_type(state, -1) == LUA_TSTRING &&
        std::find(known_.begin(), known_.end(), name) != known_.end()) {
      continue;
    }
    const std::string nearest = NearestName(name, std::span<const std::string>(known_));
    Problem(nearest.empty() ? fmt::format("unknown option '{}'", name)
                            : fmt::format("unknown option '{}' (nearest: '{}')", name, nearest));
  }
  if (!error_.empty()) return Fail(error_);
  return {};
}

}  // namespace breakwater::lua
