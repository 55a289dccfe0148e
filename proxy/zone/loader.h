// Reads zone files (RFC 1035, 5). Their words are split here (zone_text.h), records are understood
// by ldns, which is known to loader.cc alone. Blocks on the disk: for helper threads, never for a
// worker or the control thread. What is not read: $INCLUDE and $GENERATE, classes other than IN.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/zone/zone.h"

namespace breakwater {

// By what a change of a file shows.
struct FileStamp {
  uint64_t device = 0, inode = 0;
  int64_t size = 0, modified_ns = 0, changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
  static FileStamp Of(const struct stat& status);
};

struct LoadedZone {
  ZonePtr zone;
  FileStamp stamp;  // of what was read
};

class ZoneLoader {
 public:
  ZoneLoader();
  ~ZoneLoader();

  // The zone's name is the file's without ".zone". The error begins with the path and, where it is
  // about one, the line: "PATH:12: ...".
  TextResult<LoadedZone> LoadFile(const std::string& path);
  // `source` stands for the path in errors.
  TextResult<ZonePtr> Parse(const dns::Name& apex, std::string_view text,
                            const std::string& source);

  // Of "example.org.zone"; an error where that is none.
  static TextResult<dns::Name> NameOfFile(std::string_view file_name);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;  // keeps its memory between files
};

}  // namespace breakwater
