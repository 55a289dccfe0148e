#include "proxy/console/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace breakwater {
namespace {

constexpr int kHistorySize = 1000;

struct EndEditLine {
  void operator()(EditLine* edit) const { el_end(edit); }
};
struct EndHistory {
  void operator()(History* entries) const { history_end(entries); }
};

}  // namespace

struct LineEditor::Impl {
  LineEditorSettings settings;
  std::string prompt;
  HistEvent event{};
  std::unique_ptr<History, EndHistory> entries;
  std::unique_ptr<EditLine, EndEditLine> edit;  // null when input is not a terminal

  static Impl* From(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self);
  }
  static const char* Prompt(EditLine* edit) { return From(edit)->prompt.c_str(); }
  static unsigned char Complete(EditLine* edit, int) {
    const Impl* self = From(edit);
    const LineInfo* line = el_line(edit);
    const std::string_view before(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    std::vector<std::string> candidates;
    const std::string added =
        CompletionOf(WordBeforeCursor(before), self->settings.names, &candidates);
    if (!added.empty()) {
      el_insertstr(edit, added.c_str());
      return CC_REFRESH;
    }
    if (candidates.size() < 2) return CC_REFRESH_BEEP;
    std::cout << '\n';
    for (const std::string& name : candidates) std::cout << name << '\n';
    std::cout << std::flush;
    return CC_REDISPLAY;
  }

  void Open() {
    entries.reset(history_init());
    history(entries.get(), &event, H_SETSIZE, kHistorySize);
    history(entries.get(), &event, H_SETUNIQUE, 1);
    std::ifstream old(settings.history_path);
    for (std::string line; std::getline(old, line);) {
      if (!line.empty()) history(entries.get(), &event, H_ENTER, line.c_str());
    }
    edit.reset(el_init("breakwater", stdin, stdout, stderr));
    el_set(edit.get(), EL_CLIENTDATA, this);
    el_set(edit.get(), EL_PROMPT, &Impl::Prompt);
    el_set(edit.get(), EL_EDITOR, "emacs");
    el_set(edit.get(), EL_SIGNAL, 1);
    el_set(edit.get(), EL_HIST, history, entries.get());
    el_set(edit.get(), EL_ADDFN, "bw-complete", "complete the name", &Impl::Complete);
    el_set(edit.get(), EL_BIND, "^I", "bw-complete", nullptr);
  }

  void Remember(const std::string& line) {
    if (line.empty()) return;
    history(entries.get(), &event, H_ENTER, line.c_str());
    if (settings.history_path.empty()) return;
    std::ofstream file(settings.history_path, std::ios::app);
    file << line << '\n';
  }
};

std::string DefaultHistoryPath() {
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? std::string(home) + "/.dnsdist_history" : "";
}

std::string_view WordBeforeCursor(std::string_view line) {
  size_t begin = line.size();
  while (begin > 0) {
    const char c = line[begin - 1];
    const bool part =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == ':';
    if (!part) break;
    --begin;
  }
  return line.substr(begin);
}

std::string CompletionOf(std::string_view prefix, const std::vector<std::string>& names,
                         std::vector<std::string>* candidates) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (!prefix.empty() && name.starts_with(prefix)) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  std::string common = found.empty() ? std::string() : found.front();
  for (const std::string& name : found) {
    const auto differs = std::mismatch(common.begin(), common.end(), name.begin(), name.end());
    common.erase(differs.first, common.end());
  }
  if (candidates != nullptr) *candidates = std::move(found);
  return common.size() > prefix.size() ? common.substr(prefix.size()) : std::string();
}

LineEditor::LineEditor(LineEditorSettings settings) : impl_(std::make_unique<Impl>()) {
  impl_->settings = std::move(settings);
  if (IsTerminal()) impl_->Open();
}

LineEditor::~LineEditor() = default;

bool LineEditor::IsTerminal() {
  return isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
}

std::optional<std::string> LineEditor::Read(std::string_view prompt) {
  if (impl_->edit == nullptr) {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
  impl_->prompt = prompt;
  int size = 0;
  const char* text = el_gets(impl_->edit.get(), &size);
  if (text == nullptr || size <= 0) {
    std::cout << std::endl;
    return std::nullopt;
  }
  std::string line(text, static_cast<size_t>(size));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  impl_->Remember(line);
  return line;
}

}  // namespace breakwater
