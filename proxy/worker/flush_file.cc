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

FlushFile::FlushFile(std::string path, std::string state_path)
    : path_(std::move(path)), state_path_(std::move(state_path)) {
  // What is wrong with it Read() will say.
  if (!Open()) return;
  if (!state_path_.empty()) {
    Resume();
  } else {
    (void)SkipAll();
  }
}

void FlushFile::Resume() {
  const auto loaded = LoadPosition(state_path_);
  if (!loaded) {
    // Too much flushed costs little, too little is old data.
    note_ = fmt::format("{}: all of the file counts", loaded.error());
    return;
  }
  if (!*loaded) return (void)SkipAll();
  const FilePosition& last = **loaded;
  struct stat status {};
  if (!fd_.valid() || fstat(fd_.get(), &status) != 0) return;  // whatever comes is news
  const bool same = status.st_dev == last.device && status.st_ino == last.inode;
  if (same && static_cast<uint64_t>(status.st_size) >= last.offset &&
      HeadSum(fd_.get(), last.offset) == last.head) {
    offset_ = line_end_ = last.offset;
    line_end_number_ = last.lines;
    cutter_.SkipTo(last.lines);
    saved_ = last;
    if (static_cast<uint64_t>(status.st_size) > offset_) {
      note_ = fmt::format("goes on at line {}", last.lines + 1);
    }
    return;
  }
  if (last.inode == 0) return;  // there was none
  note_ = fmt::format(
      "it was replaced or cut since it was read: all of it counts; what was appended to the old "
      "one behind line {} is not known",
      last.lines);
}

TextResult<void> FlushFile::Save() {
  struct stat status {};
  if (state_path_.empty()) return {};
  if (!fd_.valid()) return SaveAs({});  // all of what comes is news
  if (fstat(fd_.get(), &status) != 0) return {};
  const bool same = saved_ && saved_->device == status.st_dev && saved_->inode == status.st_ino;
  if (same && saved_->offset == line_end_) return {};
  const auto head = HeadSum(fd_.get(), line_end_);
  if (!head) return {};  // it is being cut: the next reading sees that
  return SaveAs({.device = status.st_dev,
                 .inode = status.st_ino,
                 .offset = line_end_,
                 .lines = line_end_number_,
                 .head = *head});
}

TextResult<void> FlushFile::SaveAs(const FilePosition& position) {
  if (saved_ == position) return {};
  if (auto done = SavePosition(state_path_, position); !done) return done;
  saved_ = position;
  return {};
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
  offset_ = line_end_ = line_end_number_ = 0;
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
  line_end_ = offset_;
  line_end_number_ = lines;
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
    offset_ = line_end_ = line_end_number_ = 0;
    cutter_.StartOver();
  }
  std::array<char, kChunk> chunk;
  for (size_t total = 0; total < kMostAtOnce;) {
    const ssize_t got = pread(fd_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_));
    if (got < 0) return Fail(std::string(std::strerror(errno)));
    if (got == 0) return {};
    const std::string_view piece(chunk.data(), static_cast<size_t>(got));
    cutter_.Add(piece, &news->lines);
    if (const size_t end = piece.rfind('\n'); end != std::string_view::npos) {
      line_end_ = offset_ + end + 1;
      line_end_number_ += static_cast<uint64_t>(std::ranges::count(piece, '\n'));
    }
    offset_ += static_cast<uint64_t>(got);
    total += static_cast<size_t>(got);
  }
  news->more = true;
  return {};
}

}  // namespace breakwater
