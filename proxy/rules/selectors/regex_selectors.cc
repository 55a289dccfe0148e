#include "proxy/rules/selectors/regex_selectors.h"

#include <re2/re2.h>
#include <regex.h>

#include <array>
#include <span>
#include <string_view>

namespace breakwater {
namespace {

// The text of a name on the stack; every octet takes at most four characters.
class NameText {
 public:
  explicit NameText(std::span<const uint8_t> name) {
    for (size_t at = 0; name[at] != 0; at += 1u + name[at]) {
      if (at != 0) Put('.');
      for (const uint8_t c : name.subspan(at + 1, name[at])) Escape(c);
    }
    text_[size_] = '\0';
  }
  std::string_view view() const { return {text_.data(), size_}; }
  const char* c_str() const { return text_.data(); }

 private:
  void Put(int c) { text_[size_++] = static_cast<char>(c); }
  void Escape(uint8_t c) {
    if (c > 0x20 && c < 0x7f) {
      if (c == '.' || c == '\\') Put('\\');
      Put(c);
      return;
    }
    Put('\\');
    Put('0' + c / 100);
    Put('0' + c / 10 % 10);
    Put('0' + c % 10);
  }

  std::array<char, 4 * dns::kMaxNameLength + 1> text_;
  size_t size_ = 0;
};

// The compiled form is shared by all workers; regexec() locks it, so workers wait for each
// other here. RE2Rule does not.
class RegexSelector : public Selector {
 public:
  explicit RegexSelector(std::string pattern) : pattern_(std::move(pattern)) {}
  ~RegexSelector() override {
    if (compiled_) regfree(&regex_);
  }
  // The reason, where the pattern is none.
  TextResult<void> Compile() {
    const int code = regcomp(&regex_, pattern_.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (code == 0) {
      compiled_ = true;
      return {};
    }
    std::array<char, 256> reason{};
    regerror(code, &regex_, reason.data(), reason.size());
    return Fail("regular expression \"" + pattern_ + "\": " + reason.data());
  }
  bool Matches(const Query& query, RuleContext&) const override {
    return regexec(&regex_, NameText(query.name()).c_str(), 0, nullptr, 0) == 0;
  }
  std::string ToString() const override { return "Regex: " + pattern_; }

 private:
  std::string pattern_;
  regex_t regex_{};
  bool compiled_ = false;
};

class Re2Selector : public Selector {
 public:
  explicit Re2Selector(const std::string& pattern) : re2_(pattern, RE2::Quiet) {}
  const RE2& re2() const { return re2_; }
  bool Matches(const Query& query, RuleContext&) const override {
    const NameText text(query.name());
    return RE2::FullMatch(re2::StringPiece(text.view().data(), text.view().size()), re2_);
  }
  std::string ToString() const override { return "RE2 match: " + re2_.pattern(); }

 private:
  RE2 re2_;
};

}  // namespace

TextResult<SelectorPtr> MakeRegexSelector(const std::string& pattern) {
  auto selector = std::make_shared<RegexSelector>(pattern);
  const auto compiled = selector->Compile();
  if (!compiled) return Fail(compiled.error());
  return SelectorPtr(std::move(selector));
}

TextResult<SelectorPtr> MakeRe2Selector(const std::string& pattern) {
  auto selector = std::make_shared<Re2Selector>(pattern);
  if (!selector->re2().ok()) {
    return Fail("regular expression \"" + pattern + "\": " + selector->re2().error());
  }
  return SelectorPtr(std::move(selector));
}

}  // namespace breakwater
