// How far a file was read that lines are appended to, kept in a small file of its own, so that what
// is appended while the program does not run is not missed (addFlushSource{state=}). One line of
// text with a checksum; written beside its place and moved there. The thread that reads the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace breakwater {

struct FilePosition {
  uint64_t device = 0, inode = 0;
  uint64_t offset = 0;  // behind the end of a line, or 0
  uint64_t lines = 0;   // before it
  uint64_t head = 0;    // HeadSum() of the file: it tells one from another with its inode
  bool operator==(const FilePosition&) const = default;
};

// Of the first bytes of an open file, up to `offset` and a page at most; nothing where they are not
// there to be read.
std::optional<uint64_t> HeadSum(int fd, uint64_t offset);

std::string PositionText(const FilePosition& position);
std::optional<FilePosition> ParsePosition(std::string_view text);

// Nothing where there is no such file yet. The error says what is wrong with it.
TextResult<std::optional<FilePosition>> LoadPosition(const std::string& path);
TextResult<void> SavePosition(const std::string& path, const FilePosition& position);

}  // namespace breakwater
