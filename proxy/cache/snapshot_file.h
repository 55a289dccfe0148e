// The file of a snapshot: blocks, each with its length and a checksum of its bytes, its kind and
// its place, behind a line that says what it is. Not a word of what is in them: cache_snapshot.h.
//
// Written beside its place (PATH.new, mode 0600, locked so that two processes do not write into one
// another), synced, and then moved there: at PATH there is an old one or a new one, never a half.
// Read only where it belongs to this process's user or to root, nobody else may write to it, and no
// block is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {

// 2: entries say whether they were asked for again; 3: serials of zones. Older ones are read as
// well.
inline constexpr uint32_t kSnapshotVersion = 3;
inline constexpr size_t kLargestSnapshotBlock = 8 << 20;

enum class SnapshotBlock : uint8_t { kHead = 1, kCache = 2, kEntries = 3, kEnd = 4, kSerials = 5 };

// Whether this process may make files where PATH is to be; the error says what to do.
TextResult<void> CheckSnapshotPlace(const std::string& path);

class SnapshotWriter {
 public:
  // Makes PATH.new. An error names the path and says why; it is one where at PATH there is a file
  // that is no snapshot.
  static TextResult<SnapshotWriter> Create(const std::string& path);
  SnapshotWriter(SnapshotWriter&&) = default;
  // What was not put in its place goes.
  ~SnapshotWriter();

  TextResult<void> Write(SnapshotBlock kind, std::span<const uint8_t> bytes);
  // In the place of the head that was written first, of the same length.
  TextResult<void> RewriteHead(std::span<const uint8_t> bytes);
  // Sees to it that all is on the disk, and puts the file in its place.
  TextResult<void> Commit();
  size_t bytes() const { return bytes_; }

 private:
  explicit SnapshotWriter(const std::string& path) : path_(path) {}
  std::string NewPath() const { return path_ + ".new"; }
  TextResult<void> OpenNew();
  TextResult<void> WriteAll(std::span<const uint8_t> bytes);

  std::string path_;
  UniqueFd fd_;
  uint32_t blocks_ = 0;
  size_t bytes_ = 0;
};

struct SnapshotPart {
  SnapshotBlock kind{};
  std::span<const uint8_t> bytes;  // until the next one is read
};

class SnapshotReader {
 public:
  // An error says what is wrong with the file. `missing` files are no error, but are not open.
  static TextResult<SnapshotReader> Open(const std::string& path);
  bool missing() const { return !fd_.valid(); }

  // The next block, its checksum verified. An error says where in the file it is.
  TextResult<SnapshotPart> Next();
  // Where nothing follows.
  TextResult<void> ExpectEnd();
  // From the first block on, again.
  TextResult<void> Rewind();
  // In the place of the head in the file, of the same length, and on the disk when it is done. It
  // lies within one sector: after a crash it is the old one or the new one.
  TextResult<void> RewriteHead(std::span<const uint8_t> bytes) const;

 private:
  TextResult<void> CheckOwner() const;
  TextResult<void> Read(std::span<uint8_t> bytes);
  std::string Wrong(std::string_view what) const;

  std::string path_;
  UniqueFd fd_;
  uint32_t blocks_ = 0;
  size_t offset_ = 0;
  std::vector<uint8_t> block_;
};

// The name of a file that was made or moved to `path` survives a loss of power then.
void SyncFolderOf(const std::string& path);

}  // namespace breakwater
