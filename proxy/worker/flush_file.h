// Follows a file that lines are appended to (addFlushSource{file=}): what stands in it at the
// beginning is old, what comes later is news. It may be missing, be moved away and made anew (the
// old one is read to its end first), be truncated; a last line without its end waits for it.
//
// With a state file (file_position.h) what stands in it at the beginning is news as well, from
// where the last program left off; all of it where that one's file was replaced or truncated
// meanwhile. What is not known to have been done is done again, never left out. One thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"
#include "proxy/worker/file_position.h"

namespace breakwater {

struct NumberedLine {
  uint64_t number = 0;  // from the beginning of the file, the first is 1
  std::string text;
};

// Cuts what comes in pieces into lines. One that is too long is given up to what is enough to see
// that, once.
class LineCutter {
 public:
  void Add(std::string_view bytes, std::vector<NumberedLine>* lines);
  // What is left is a line; then all begins anew.
  void End(std::vector<NumberedLine>* lines);
  void StartOver() { *this = LineCutter(); }
  void SkipTo(uint64_t number) { number_ = number; }  // lines that somebody else counted
  uint64_t lines() const { return number_; }

 private:
  uint64_t number_ = 0;
  std::string partial_;
  bool skipping_ = false;
};

class FlushFile {
 public:
  // Goes to the end of what is there; with a state file, to where that says.
  explicit FlushFile(std::string path, std::string state_path = {});

  struct News {
    std::vector<NumberedLine> lines;
    bool more = false;  // to be read at once
  };
  // The error says why it cannot be read; a file that is not there is none (missing()).
  TextResult<News> Read();
  bool missing() const { return !fd_.valid(); }
  // What was read is done: remembers the place, where there is a state file and it is another one.
  TextResult<void> Save();
  // How it began, for the log; empty: as always. Once.
  std::string TakeNote() { return std::exchange(note_, {}); }

 private:
  TextResult<void> Open();
  TextResult<void> SkipAll();
  void Resume();
  TextResult<void> SaveAs(const FilePosition& position);
  TextResult<void> ReadSome(News* news);
  // Whether another file has its name now.
  bool WasReplaced() const;

  std::string path_;
  std::string state_path_;  // empty: none
  std::string note_;
  UniqueFd fd_;
  uint64_t offset_ = 0;
  uint64_t line_end_ = 0;         // behind the last whole line that was read
  uint64_t line_end_number_ = 0;  // of lines up to there
  std::optional<FilePosition> saved_;
  LineCutter cutter_;
};

}  // namespace breakwater
