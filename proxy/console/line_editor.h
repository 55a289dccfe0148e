// Lines from the person at the terminal, edited by libedit, with a history file and completion;
// from a pipe, plain lines. Main thread of the console client, or the thread of the console on
// standard input.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace breakwater {

struct LineEditorSettings {
  std::string history_path;        // one command a line, as dnsdist keeps it; empty: none
  std::vector<std::string> names;  // completed with the tab key
};

// $HOME/.dnsdist_history, shared with dnsdist; empty without a home.
std::string DefaultHistoryPath();

// The part that the tab key adds: what all `names` that begin with `prefix` have in common after
// it. `candidates`, where given, gets those names, sorted.
std::string CompletionOf(std::string_view prefix, const std::vector<std::string>& names,
                         std::vector<std::string>* candidates);
// The word before the cursor that completion looks at: letters, digits, '_', '.' and ':'.
std::string_view WordBeforeCursor(std::string_view line);

class LineEditor {
 public:
  explicit LineEditor(LineEditorSettings settings);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  static bool IsTerminal();  // standard input and output both
  // The next line without its newline; nothing at the end of input.
  std::optional<std::string> Read(std::string_view prompt);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater
