#include "proxy/rules/selectors/regex_selectors.h"

#include <re2/re2.h>
#include <regex.h>

#include <array>
#include <atomic>
#include <memory>
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

// A compiled expression of the C library.
class Regex {
 public:
  explicit Regex(const std::string& pattern)
      : code_(regcomp(&regex_, pattern.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB)) {}
  ~Regex() {
    if (code_ == 0) regfree(&regex_);
  }
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  bool compiled() const { return code_ == 0; }
  std::string Problem() const {
    std::array<char, 256> reason{};
    regerror(code_, &regex_, reason.data(), reason.size());
    return reason.data();
  }
  bool Matches(const char* text) const { return regexec(&regex_, text, 0, nullptr, 0) == 0; }

 private:
  regex_t regex_{};
  int code_;
};

// regexec() locks the compiled form, for it grows as it is used. So each thread has a copy of its
// own, made when it first comes; beyond kCopies threads some share one.
class RegexSelector : public Selector {
 public:
  RegexSelector(std::string pattern, std::unique_ptr<Regex> first) : pattern_(std::move(pattern)) {
    copies_[ThreadSlot()] = first.release();
  }
  ~RegexSelector() override {
    for (const auto& copy : copies_) delete copy.load();
  }
  bool Matches(const Query& query, RuleContext&) const override {
    return Mine().Matches(NameText(query.name()).c_str());
  }
  std::string ToString() const override { return "Regex: " + pattern_; }

 private:
  static constexpr size_t kCopies = 64;

  static size_t ThreadSlot() {
    static std::atomic<size_t> next{0};
    thread_local const size_t slot = next.fetch_add(1) % kCopies;
    return slot;
  }
  const Regex& Mine() const {
    std::atomic<const Regex*>& mine = copies_[ThreadSlot()];
    if (const Regex* const made = mine.load(std::memory_order_acquire)) return *made;
    auto copy = std::make_unique<const Regex>(pattern_);
    const Regex* other = nullptr;
    if (!mine.compare_exchange_strong(other, copy.get())) return *other;
    return *copy.release();
  }

  std::string pattern_;
  mutable std::array<std::atomic<const Regex*>, kCopies> copies_{};
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
  auto first = std::make_unique<Regex>(pattern);
  if (!first->compiled()) {
    return Fail("regular expression \"" + pattern + "\": " + first->Problem());
  }
  return SelectorPtr(std::make_shared<RegexSelector>(pattern, std::move(first)));
}

TextResult<SelectorPtr> MakeRe2Selector(const std::string& pattern) {
  auto selector = std::make_shared<Re2Selector>(pattern);
  if (!selector->re2().ok()) {
    return Fail("regular expression \"" + pattern + "\": " + selector->re2().error());
  }
  return SelectorPtr(std::move(selector));
}

}  // namespace breakwater
