#include "proxy/lookup/lmdb_environment.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "proxy/lookup/file_store.h"

namespace breakwater {
namespace {

constexpr MDB_dbi kMostDatabases = 64;

using Key = std::pair<uint64_t, uint64_t>;  // device, inode
Guarded<std::map<Key, std::weak_ptr<LmdbEnvironment>>>& Open() {
  static Guarded<std::map<Key, std::weak_ptr<LmdbEnvironment>>> open;
  return open;
}

}  // namespace

int LmdbEnvironment::Reader::Begin(MDB_env* environment) {
  const int status = transaction == nullptr
                         ? mdb_txn_begin(environment, nullptr, MDB_RDONLY, &transaction)
                         : mdb_txn_renew(transaction);
  if (status != MDB_SUCCESS) End();
  return status;
}

MDB_cursor* LmdbEnvironment::Reader::Cursor(MDB_dbi database) {
  if (cursors.size() <= database) cursors.resize(database + 1, nullptr);
  MDB_cursor*& cursor = cursors[database];
  const int status = cursor == nullptr ? mdb_cursor_open(transaction, database, &cursor)
                                       : mdb_cursor_renew(transaction, cursor);
  return status == MDB_SUCCESS ? cursor : nullptr;
}

void LmdbEnvironment::Reader::End() {
  for (MDB_cursor* const cursor : cursors) {
    if (cursor != nullptr) mdb_cursor_close(cursor);
  }
  cursors.clear();
  if (transaction != nullptr) mdb_txn_abort(transaction);
  transaction = nullptr;
}

LmdbEnvironment::~LmdbEnvironment() {
  readers_.ForEach([](Reader& reader) { reader.End(); });
  if (environment_ != nullptr) mdb_env_close(environment_);
}

TextResult<void> LmdbEnvironment::Open(const LmdbFileOptions& options) {
  path_ = options.path;
  if (mdb_env_create(&environment_) != 0) return Fail(std::string("no memory"));
  mdb_env_set_maxdbs(environment_, kMostDatabases);
  const unsigned flags =
      MDB_NOSUBDIR | MDB_RDONLY | MDB_NOTLS | (options.no_lock ? MDB_NOLOCK : 0u);
  const int status = mdb_env_open(environment_, options.path.c_str(), flags, 0600);
  if (status == 0) return {};
  return Fail(fmt::format("{}{}", mdb_strerror(status),
                          options.no_lock || status == EINVAL
                              ? ""
                              : " (its lock file must be writable, or noLock be true)"));
}

// Held under the lock of the list: a file must not be opened twice in a process.
TextResult<std::shared_ptr<LmdbEnvironment>> LmdbEnvironment::Get(const LmdbFileOptions& options) {
  return breakwater::Open().With([&](auto& open) -> TextResult<std::shared_ptr<LmdbEnvironment>> {
    const auto stamp = StampOf(options.path);
    if (!stamp) return Fail(std::string(std::strerror(errno)));
    std::erase_if(open, [](const auto& entry) { return entry.second.expired(); });
    auto& known = open[{stamp->device, stamp->inode}];
    if (auto environment = known.lock()) return environment;
    auto environment = std::make_shared<LmdbEnvironment>();
    if (auto opened = environment->Open(options); !opened) return Fail(std::move(opened.error()));
    known = environment;
    return environment;
  });
}

TextResult<MDB_dbi> LmdbEnvironment::OpenDatabase(const std::string& name) {
  MDB_dbi database = 0;
  int status = 0;
  readers_.WithAll([&] {
    MDB_txn* transaction = nullptr;
    status = Shrunk() ? EIO : mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
    if (status != 0) return;
    status = mdb_dbi_open(transaction, name.empty() ? nullptr : name.c_str(), 0, &database);
    if (status == 0) {
      status = mdb_txn_commit(transaction);
    } else {
      mdb_txn_abort(transaction);
    }
  });
  if (status != 0) return Fail(std::string(mdb_strerror(status)));
  return database;
}

std::optional<uint64_t> LmdbEnvironment::ReplacedBy() const {
  mdb_filehandle_t open = -1;
  struct stat status {};
  const auto named = StampOf(path_);
  if (!named || mdb_env_get_fd(environment_, &open) != 0 || ::fstat(open, &status) != 0) return {};
  if (named->device == status.st_dev && named->inode == status.st_ino) return {};
  return named->inode;
}

// A file that is cut off after this look ends the process all the same.
bool LmdbEnvironment::Shrunk() {
  mdb_filehandle_t file = -1;
  struct stat status {};
  if (mdb_env_get_fd(environment_, &file) != 0 || ::fstat(file, &status) != 0) return false;
  const int64_t size = status.st_size;
  int64_t longest = longest_.load(std::memory_order_relaxed);
  while (size > longest && !longest_.compare_exchange_weak(longest, size)) {
  }
  if (size >= longest) return false;
  shrunk_.store(true, std::memory_order_relaxed);
  return true;
}

bool LmdbEnvironment::MapAnew() {
  if (!outgrown_.exchange(false, std::memory_order_relaxed) || Shrunk()) return false;
  readers_.ForEach([](Reader& reader) { reader.End(); });
  // A reader may have begun again in between; it fails, and says so once more.
  int status = 0;
  readers_.WithAll([&] { status = mdb_env_set_mapsize(environment_, 0); });
  return status == 0;
}

}  // namespace breakwater
