#include "proxy/cache/snapshot_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "proxy/base/byte_writer.h"
#include "proxy/base/hash.h"

namespace breakwater {
namespace {

constexpr std::string_view kMagic = "BREAKWATER CACHE";
constexpr size_t kFileHeadSize = kMagic.size() + 4;
// Kind, length, checksum.
constexpr size_t kBlockHeadSize = 16;

std::array<uint8_t, kFileHeadSize> FileHead() {
  std::array<uint8_t, kFileHeadSize> head;
  std::copy(kMagic.begin(), kMagic.end(), head.begin());
  StoreU32(head.data() + kMagic.size(), kSnapshotVersion);
  return head;
}

// Of the bytes, and of what is said about them.
uint64_t Checksum(std::span<const uint8_t> bytes, SnapshotBlock kind, uint32_t place) {
  return HashBytes(bytes, uint64_t{place} << 8 | static_cast<uint8_t>(kind));
}

using BlockHead = std::array<uint8_t, kBlockHeadSize>;
BlockHead BlockHeadOf(std::span<const uint8_t> bytes, SnapshotBlock kind, uint32_t place) {
  BlockHead head;
  const uint64_t sum = Checksum(bytes, kind, place);
  StoreU32(head.data(), static_cast<uint8_t>(kind));
  StoreU32(head.data() + 4, static_cast<uint32_t>(bytes.size()));
  StoreU32(head.data() + 8, static_cast<uint32_t>(sum >> 32));
  StoreU32(head.data() + 12, static_cast<uint32_t>(sum));
  return head;
}

// False, and errno, where it cannot be written.
bool PutHead(const UniqueFd& fd, std::span<const uint8_t> bytes) {
  const BlockHead head = BlockHeadOf(bytes, SnapshotBlock::kHead, 0);
  std::vector<uint8_t> block(head.begin(), head.end());
  block.insert(block.end(), bytes.begin(), bytes.end());
  ssize_t done = 0;
  do {
    done = ::pwrite(fd.get(), block.data(), block.size(), kFileHeadSize);
  } while (done < 0 && errno == EINTR);
  if (done >= 0 && done != std::ssize(block)) errno = EIO;
  return done == std::ssize(block);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string Errno() {
  return std::strerror(errno);
}

// Nothing but an older snapshot, or what a full disk left of one, is written over.
TextResult<void> CheckOldFile(const std::string& path) {
  const UniqueFd old(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!old.valid() && errno == ENOENT) return {};
  std::array<char, kMagic.size()> head{};
  const ssize_t got = old.valid() ? ::pread(old.get(), head.data(), head.size(), 0) : -1;
  if (got == 0 ||
      (got == std::ssize(head) && std::equal(head.begin(), head.end(), kMagic.begin()))) {
    return {};
  }
  return Fail(
      fmt::format("at '{}' there is something else than a snapshot of a cache: remove it, or "
                  "name another path",
                  path));
}

}  // namespace

TextResult<void> CheckSnapshotPlace(const std::string& path) {
  const std::string folder = FolderOf(path);
  struct stat found {};
  if (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
    return Fail(fmt::format("'{}' is a directory: name a file in it", path));
  }
  if (stat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
    return Fail(
        fmt::format("there is no directory '{}' for the snapshot of the cache: make it, "
                    "owned by the user that the proxy runs as",
                    folder));
  }
  if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return Fail(
        fmt::format("user {} may not make files in '{}', where the snapshot of the cache is to "
                    "be: {}",
                    geteuid(), folder, Errno()));
  }
  return {};
}

// --- writing

TextResult<SnapshotWriter> SnapshotWriter::Create(const std::string& path) {
  SnapshotWriter writer(path);
  if (auto ours = CheckOldFile(path); !ours) return Fail(ours.error());
  if (auto opened = writer.OpenNew(); !opened) return Fail(opened.error());
  const auto head = FileHead();
  if (auto written = writer.WriteAll(head); !written) return Fail(written.error());
  return writer;
}

TextResult<void> SnapshotWriter::OpenNew() {
  const std::string path = NewPath();
  constexpr int kFlags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd fd(::open(path.c_str(), kFlags, 0600));
  if (!fd.valid()) return Fail(fmt::format("cannot create '{}': {}", path, Errno()));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(fmt::format("another process writes '{}' just now: give each its own path", path));
  }
  struct stat own {};
  struct stat named {};
  if (fstat(fd.get(), &own) != 0 || lstat(path.c_str(), &named) != 0 ||
      own.st_ino != named.st_ino || own.st_dev != named.st_dev) {
    return Fail(fmt::format("another process has just written '{}': give each its own path", path));
  }
  if (!S_ISREG(own.st_mode) || own.st_uid != geteuid() || own.st_nlink != 1) {
    return Fail(fmt::format("'{}' is not a file of this process: remove it", path));
  }
  if (fchmod(fd.get(), 0600) != 0 || ftruncate(fd.get(), 0) != 0) {
    return Fail(fmt::format("cannot use '{}': {}", path, Errno()));
  }
  fd_ = std::move(fd);
  return {};
}

SnapshotWriter::~SnapshotWriter() {
  if (fd_.valid()) (void)::unlink(NewPath().c_str());
}

TextResult<void> SnapshotWriter::WriteAll(std::span<const uint8_t> bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd_.get(), bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return Fail(fmt::format("cannot write '{}': {}", NewPath(), Errno()));
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
  return {};
}

TextResult<void> SnapshotWriter::Write(SnapshotBlock kind, std::span<const uint8_t> bytes) {
  if (bytes.size() > kLargestSnapshotBlock) {
    return Fail(fmt::format("a part of '{}' would be larger than any reader takes", path_));
  }
  if (auto written = WriteAll(BlockHeadOf(bytes, kind, blocks_++)); !written) return written;
  return WriteAll(bytes);
}

TextResult<void> SnapshotWriter::RewriteHead(std::span<const uint8_t> bytes) {
  if (!PutHead(fd_, bytes)) return Fail(fmt::format("cannot write '{}': {}", NewPath(), Errno()));
  return {};
}

TextResult<void> SnapshotWriter::Commit() {
  if (fsync(fd_.get()) != 0) return Fail(fmt::format("cannot sync '{}': {}", NewPath(), Errno()));
  if (std::rename(NewPath().c_str(), path_.c_str()) != 0) {
    return Fail(fmt::format("cannot move '{}' to its place: {}", NewPath(), Errno()));
  }
  fd_.Reset();
  SyncFolderOf(path_);
  return {};
}

void SyncFolderOf(const std::string& path) {
  const UniqueFd directory(::open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) (void)fsync(directory.get());
}

// --- reading

TextResult<SnapshotReader> SnapshotReader::Open(const std::string& path) {
  SnapshotReader reader;
  reader.path_ = path;
  reader.fd_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!reader.fd_.valid()) {
    if (errno == ENOENT) return reader;
    return Fail(fmt::format("cannot open '{}': {}", path, Errno()));
  }
  if (auto good = reader.CheckOwner(); !good) return Fail(good.error());
  if (auto good = reader.Rewind(); !good) return Fail(good.error());
  return reader;
}

TextResult<void> SnapshotReader::CheckOwner() const {
  struct stat found {};
  if (fstat(fd_.get(), &found) != 0) {
    return Fail(fmt::format("cannot look at '{}': {}", path_, Errno()));
  }
  if (!S_ISREG(found.st_mode)) return Fail(fmt::format("'{}' is no plain file", path_));
  if (found.st_uid != geteuid() && found.st_uid != 0) {
    return Fail(
        fmt::format("'{}' belongs to user {}, not to ours ({})", path_, found.st_uid, geteuid()));
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(fmt::format("'{}' may be written by others (mode {:o}): it must be 0600", path_,
                            found.st_mode & 07777u));
  }
  return {};
}

std::string SnapshotReader::Wrong(std::string_view what) const {
  return fmt::format("'{}' is damaged: {} at byte {}", path_, what, offset_);
}

TextResult<void> SnapshotReader::Read(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(fmt::format("cannot read '{}': {}", path_, Errno()));
    if (got == 0) return Fail(Wrong("it ends"));
    offset_ += static_cast<size_t>(got);
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
  return {};
}

TextResult<void> SnapshotReader::Rewind() {
  offset_ = 0;
  blocks_ = 0;
  std::array<uint8_t, kFileHeadSize> head;
  if (auto read = Read(head); !read) return read;
  if (!std::equal(kMagic.begin(), kMagic.end(), head.begin())) {
    return Fail(fmt::format("'{}' is no snapshot of a cache", path_));
  }
  const uint32_t version = LoadU32(head.data() + kMagic.size());
  if (version == 0 || version > kSnapshotVersion) {
    return Fail(fmt::format("'{}' is of version {}, this program reads versions up to {}", path_,
                            version, kSnapshotVersion));
  }
  return {};
}

TextResult<void> SnapshotReader::RewriteHead(std::span<const uint8_t> bytes) const {
  const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat ours {};
  struct stat opened {};
  if (!fd.valid() || fstat(fd_.get(), &ours) != 0 || fstat(fd.get(), &opened) != 0) {
    return Fail(fmt::format("cannot write to '{}': {}", path_, Errno()));
  }
  if (ours.st_ino != opened.st_ino || ours.st_dev != opened.st_dev) {
    return Fail(fmt::format("'{}' is not the file that is being read any more", path_));
  }
  if (!PutHead(fd, bytes) || fdatasync(fd.get()) != 0) {
    return Fail(fmt::format("cannot write to '{}': {}", path_, Errno()));
  }
  return {};
}

TextResult<SnapshotPart> SnapshotReader::Next() {
  BlockHead head;
  if (auto read = Read(head); !read) return Fail(read.error());
  const uint32_t kind = LoadU32(head.data());
  const uint32_t length = LoadU32(head.data() + 4);
  const uint64_t sum = uint64_t{LoadU32(head.data() + 8)} << 32 | LoadU32(head.data() + 12);
  if (kind < 1 || kind > static_cast<uint8_t>(SnapshotBlock::kSerials))
    return Fail(Wrong("an unknown block"));
  if (length > kLargestSnapshotBlock) return Fail(Wrong("a block that is too large"));
  block_.resize(length);
  if (auto read = Read(block_); !read) return Fail(read.error());
  const SnapshotPart part{static_cast<SnapshotBlock>(kind), block_};
  if (Checksum(block_, part.kind, blocks_++) != sum) return Fail(Wrong("a wrong checksum"));
  return part;
}

TextResult<void> SnapshotReader::ExpectEnd() {
  uint8_t one = 0;
  if (::pread(fd_.get(), &one, 1, static_cast<off_t>(offset_)) != 0) {
    return Fail(Wrong("something behind its end"));
  }
  return {};
}

}  // namespace breakwater
