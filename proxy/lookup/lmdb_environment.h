// One open LMDB file, shared by the stores in it, and the read transactions of the threads that
// look things up. A transaction is kept and renewed, which takes no system call and no memory. Any
// thread.
#pragma once

#include <lmdb.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/lookup/stripes.h"

namespace breakwater {

struct LmdbFileOptions {
  std::string path;
  bool no_lock = false;
};

class LmdbEnvironment {
 public:
  // The one that is open, or a new one. The file was checked before.
  static TextResult<std::shared_ptr<LmdbEnvironment>> Get(const LmdbFileOptions& options);
  LmdbEnvironment() = default;
  ~LmdbEnvironment();

  TextResult<MDB_dbi> OpenDatabase(const std::string& name);
  // The inode of the file that has taken the open one's place in its folder; nothing where none
  // has.
  std::optional<uint64_t> ReplacedBy() const;

  struct Reader {
    MDB_txn* transaction = nullptr;
    std::vector<MDB_cursor*> cursors;  // by database; made at first use
    int Begin(MDB_env* environment);
    // Of the running transaction; null where there is no memory for it.
    MDB_cursor* Cursor(MDB_dbi database);
    void End();
  };
  // `f(Reader&)` gives what the library returned. Runs it in a read transaction of this moment.
  template <typename F>
  int Read(F&& f) {
    return readers_.With([&](Reader& reader) {
      if (Shrunk()) return EIO;
      int status = reader.Begin(environment_);
      if (status == MDB_SUCCESS) {
        status = f(reader);
        mdb_txn_reset(reader.transaction);
      } else if (status == MDB_MAP_RESIZED) {
        outgrown_.store(true, std::memory_order_relaxed);
      }
      return status;
    });
  }
  // Where a writer has made the file larger than what is mapped: maps all of it. True where it did
  // so; reads wait meanwhile.
  bool MapAnew();
  // True once where the file has become shorter: somebody has cut it off or written over it, which
  // no writer of the library does. Reading what is mapped of it would end the process, so that
  // nothing is read until it is as long as it was.
  bool TakeShrunk() { return shrunk_.exchange(false, std::memory_order_relaxed); }

 private:
  bool Shrunk();
  TextResult<void> Open(const LmdbFileOptions& options);

  std::string path_;
  MDB_env* environment_ = nullptr;
  std::atomic<bool> outgrown_{false};
  std::atomic<bool> shrunk_{false};
  std::atomic<int64_t> longest_{0};  // octets that the file had
  Stripes<Reader> readers_;
};

}  // namespace breakwater
