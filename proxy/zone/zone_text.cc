#include "proxy/zone/zone_text.h"

namespace breakwater {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

bool EndsWord(char c) {
  return IsBlank(c) || c == '\n' || c == ';' || c == '(' || c == ')';
}

}  // namespace

bool ZoneText::Stop(std::string error) {
  error_ = std::move(error);
  entry_.words.clear();
  return false;
}

bool ZoneText::Next() {
  entry_.words.clear();
  bool fresh = true;  // at the beginning of a line, outside of parentheses
  while (at_ < text_.size() && error_.empty()) {
    if (fresh) {
      entry_.line = line_;
      entry_.inherits_owner = IsBlank(text_[at_]);
    }
    fresh = false;
    if (TakeSpace()) {
      if (!entry_.words.empty()) return true;
      fresh = true;
    } else if (error_.empty() && at_ < text_.size()) {
      TakeWord();
    }
  }
  if (error_.empty() && in_parentheses_) error_ = "'(' without ')'";
  if (!error_.empty()) return Stop(std::move(error_));
  return !entry_.words.empty();
}

// White space, comments, parentheses.
bool ZoneText::TakeSpace() {
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\n') {
      ++line_;
      if (in_parentheses_) continue;
      ++at_;
      return true;
    }
    if (c == ';') {
      while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    } else if (c == '(' || c == ')') {
      if ((c == '(') == in_parentheses_) {
        error_ = in_parentheses_ ? "'(' within parentheses" : "')' without '('";
        return false;
      }
      in_parentheses_ = c == '(';
    } else if (!IsBlank(c)) {
      return false;
    }
  }
  return false;
}

void ZoneText::TakeWord() {
  const size_t from = at_;
  while (at_ < text_.size() && !EndsWord(text_[at_])) {
    if (text_[at_] == '\0') {
      error_ = "a zero octet: this is no text";
      return;
    }
    if (text_[at_] == '"') {
      TakeQuoted();
      if (!error_.empty()) return;
    } else {
      // An escaped line end is none of ours to take.
      const bool escape = text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n';
      at_ += escape ? 2 : 1;
    }
  }
  entry_.words.push_back(text_.substr(from, at_ - from));
}

void ZoneText::TakeQuoted() {
  for (++at_; at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\0'; ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      return;
    }
    if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
  }
  error_ = "a quoted string does not end on its line";
}

}  // namespace breakwater
