// Follows a file that lines are appended to (addFlushSource{file=}): what stands in it at the
// beginning is old, what comes later is news. It may be missing, be moved away and made anew (the
// old one is read to its end first), be truncated; a last line without its end waits for it. One
// thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

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

 private:
  uint64_t number_ = 0;
  std::string partial_;
  bool skipping_ = false;
};

class FlushFile {
 public:
  // Goes to the end of what is there.
  explicit FlushFile(std::string path);

  struct News {
    std::vector<NumberedLine> lines;
    bool more = false;  // to be read at once
  };
  // The error says why it cannot be read; a file that is not there is none (missing()).
  TextResult<News> Read();
  bool missing() const { return !fd_.valid(); }

 private:
  TextResult<void> Open();
  TextResult<void> SkipAll();
  TextResult<void> ReadSome(News* news);
  // Whether another file has its name now.
  bool WasReplaced() const;

  std::string path_;
  UniqueFd fd_;
  uint64_t offset_ = 0;
  LineCutter cutter_;
};

}  // namespace breakwater
