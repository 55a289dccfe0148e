// Splits the text of a zone file (RFC 1035, 5.1) into entries: one record or directive each, as
// words without comments and parentheses. Knows no types. A local of the loader.
//
//   ZoneText text(bytes);
//   while (text.Next()) { use(text.entry()); }
//   if (!text.error().empty()) ...   // at line text.line()
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace breakwater {

struct ZoneEntry {
  uint32_t line = 0;            // its first
  bool inherits_owner = false;  // it began with white space
  // As they stand in the text, quotes and escapes included; valid as long as the text.
  std::vector<std::string_view> words;
};

class ZoneText {
 public:
  // `text` must outlive it.
  explicit ZoneText(std::string_view text) : text_(text) {}

  bool Next();
  const ZoneEntry& entry() const { return entry_; }
  const std::string& error() const { return error_; }  // empty: the end was reached
  uint32_t line() const { return line_; }              // where it stands

 private:
  bool TakeSpace();  // true where the entry ends here
  void TakeWord();
  void TakeQuoted();
  bool Stop(std::string error);

  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  bool in_parentheses_ = false;
  ZoneEntry entry_;
  std::string error_;
};

}  // namespace breakwater
