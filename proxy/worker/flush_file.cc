#include "proxy/worker/flush_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/cache/flush_line.h"

namespace breakwater {
namespace {

constexpr size_t kChunk = 64 * 1024;
constexpr size_t kMostAtOnce = 1024 * 1024;

}  // namespace

void LineCutter::Add(std::string_view bytes, std::vector<NumberedLine>* lines) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (!skipping_) partial_ += piece.substr(0, kMaxFlushLine + 1 - partial_.size());
    const bool ended = end != std::string_view::npos;
    if (!skipping_ && (ended || partial_.size() > kMaxFlushLine)) {
      lines->push_back({++number_, std::exchange(partial_, {})});
      skipping_ = !ended;
    } else if (ended) {
      skipping_ = false;
    }
    bytes.remove_prefix(ended ? end + 1 : bytes.size());
  }
}

void LineCutter::End(std::vector<NumberedLine>* lines) {
  if (!partial_.empty()) lines->push_back({++number_, partial_});
  StartOver();
}

FlushFile::FlushFile(std::string path) : path_(std::move(path)) {
  // What is wrong with it Read() will say.
  if (Open()) (void)SkipAll();
}

TextResult<void> FlushFile::Open() {
  // A pipe must not hold us up.
  UniqueFd fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) return {};
    return Fail(std::string(std::strerror(errno)));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return Fail(std::string(std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) return Fail(std::string("it is not a regular file"));
  fd_ = std::move(fd);
  offset_ = 0;
  cutter_.StartOver();
  return {};
}

TextResult<void> FlushFile::SkipAll() {
  if (!fd_.valid()) return {};
  std::array<char, kChunk> chunk;
  uint64_t lines = 0;
  bool begun = false;
  ssize_t got = 0;
  while ((got = pread(fd_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_))) > 0) {
    lines += static_cast<uint64_t>(std::count(chunk.data(), chunk.data() + got, '\n'));
    begun = chunk[static_cast<size_t>(got) - 1] != '\n';
    offset_ += static_cast<uint64_t>(got);
  }
  if (got < 0) return Fail(std::string(std::strerror(errno)));
  cutter_.SkipTo(lines);
  // Its last line is being written: it belongs to the news.
  for (size_t i = 0; begun && i < kMaxFlushLine && offset_ > 0; ++i) {
    char before = 0;
    if (pread(fd_.get(), &before, 1, static_cast<off_t>(offset_) - 1) != 1 || before == '\n') break;
    --offset_;
  }
  return {};
}

bool FlushFile::WasReplaced() const {
  struct stat named {};
  struct stat held {};
  if (stat(path_.c_str(), &named) != 0 || fstat(fd_.get(), &held) != 0) return false;
  return named.st_ino != held.st_ino || named.st_dev != held.st_dev;
}

TextResult<FlushFile::News> FlushFile::Read() {
  News news;
  if (fd_.valid()) {
    // Asked before the reading, so that what it says of the old file's end is true.
    const bool replaced = WasReplaced();
    if (auto read = ReadSome(&news); !read) return Fail(std::move(read.error()));
    if (news.more || !replaced) return news;
    cutter_.End(&news.lines);
    fd_.Reset();
  }
  if (auto opened = Open(); !opened) {
    if (news.lines.empty()) return Fail(std::move(opened.error()));
    return news;  // the next call says so
  }
  if (!fd_.valid()) return news;
  if (auto read = ReadSome(&news); !read) return Fail(std::move(read.error()));
  return news;
}

TextResult<void> FlushFile::ReadSome(News* news) {
  struct stat status {};
  if (fstat(fd_.get(), &status) == 0 && static_cast<uint64_t>(status.st_size) < offset_) {
    offset_ = 0;
    cutter_.StartOver();
  }
  std::array<char, kChunk> chunk;
  for (size_t total = 0; total < kMostAtOnce;) {
    const ssize_t got = pread(fd_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_));
    if (got < 0) return Fail(std::string(std::strerror(errno)));
    if (got == 0) return {};
    cutter_.Add({chunk.data(), static_cast<size_t>(got)}, &news->lines);
    offset_ += static_cast<uint64_t>(got);
    total += static_cast<size_t>(got);
  }
  news->more = true;
  return {};
}

}  // namespace breakwater
