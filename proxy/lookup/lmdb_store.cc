#include "proxy/lookup/lmdb_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "proxy/base/log.h"
#include "proxy/base/text.h"
#include "proxy/base/unique_fd.h"
#include "proxy/lookup/lmdb_check.h"
#include "proxy/lookup/lmdb_environment.h"

namespace breakwater {
namespace {

MDB_val ValueOf(KeyValueStore::Key key) {
  return {key.size(), const_cast<uint8_t*>(key.data())};
}
std::string_view TextOf(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

class LmdbStore final : public KeyValueStore {
 public:
  LmdbStore(LmdbStoreOptions options, std::shared_ptr<LmdbEnvironment> environment,
            MDB_dbi database)
      : options_(std::move(options)), environment_(std::move(environment)), database_(database) {}

  bool Find(Key key, Visitor visit) const override {
    if (!IsKey(key)) return false;
    return Found(environment_->Read([&](LmdbEnvironment::Reader& reader) {
      MDB_val wanted = ValueOf(key), value{};
      const int status = mdb_get(reader.transaction, database_, &wanted, &value);
      if (status == MDB_SUCCESS) visit(TextOf(value));
      return status;
    }));
  }

  bool FindRange(Key key, Visitor visit) const override {
    if (!IsKey(key)) return false;
    return Found(environment_->Read([&](LmdbEnvironment::Reader& reader) {
      MDB_cursor* const cursor = reader.Cursor(database_);
      if (cursor == nullptr) return ENOMEM;
      MDB_val last = ValueOf(key), value{};
      const int status = mdb_cursor_get(cursor, &last, &value, MDB_SET_RANGE);
      if (status != MDB_SUCCESS) return status;
      // Addresses of the other family are shorter or longer.
      if (last.mv_size != key.size() || value.mv_size < key.size() ||
          std::memcmp(value.mv_data, key.data(), key.size()) > 0) {
        return MDB_NOTFOUND;
      }
      visit(TextOf(value));
      return status;
    }));
  }

  void Tend(MonoTime) override {
    WarnOfAnotherFile();
    const bool shrunk = environment_->TakeShrunk();
    if (shrunk && !told_) {
      LogError("lookup",
               "{} has become shorter: nothing is looked up until it is as long as it was. Write a "
               "file beside it and restart, or change it with LMDB's own tools",
               ToString());
    }
    told_ = shrunk;
    if (!environment_->MapAnew()) return;
    loads_.Add();
    LogInfo("lookup", "{} has grown: all of it is mapped now", ToString());
  }

  std::string ToString() const override {
    return fmt::format("LMDB \"{}\" \"{}\"", options_.path, options_.database);
  }

 private:
  // Once for each such file. The library cannot be given another one while look-ups go on.
  void WarnOfAnotherFile() {
    const auto inode = environment_->ReplacedBy();
    if (inode == warned_of_) return;
    warned_of_ = inode;
    if (!inode) return;
    load_errors_.Add();
    LogWarning("lookup",
               "{}: another file has taken its place, and is not read: until a restart look-ups "
               "find what was in the old one, or nothing. Write into an LMDB file instead of "
               "replacing it.",
               ToString());
  }

  static constexpr size_t kLongestKey = 511;  // the library's; longer ones cannot be stored
  static bool IsKey(Key key) { return !key.empty() && key.size() <= kLongestKey; }
  bool Found(int status) const {
    if (status != MDB_SUCCESS && status != MDB_NOTFOUND) lookup_errors_.Add();
    return status == MDB_SUCCESS;
  }

  const LmdbStoreOptions options_;
  const std::shared_ptr<LmdbEnvironment> environment_;
  const MDB_dbi database_;
  std::optional<uint64_t> warned_of_;  // of the helper thread
  bool told_ = false;                  // of a file that became shorter
};

class MappedFile {
 public:
  static TextResult<MappedFile> Open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
      return Fail(std::string(std::strerror(errno)));
    }
    if (S_ISDIR(status.st_mode)) {
      return Fail(std::string("it is a directory: name the data file in it"));
    }
    MappedFile file;
    if (status.st_size == 0) return file;
    file.size_ = static_cast<size_t>(status.st_size);
    file.data_ = ::mmap(nullptr, file.size_, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (file.data_ == MAP_FAILED) return Fail(std::string(std::strerror(errno)));
    return file;
  }
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, MAP_FAILED)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile() {
    if (data_ != MAP_FAILED) ::munmap(data_, size_);
  }
  std::span<const uint8_t> bytes() const { return {static_cast<const uint8_t*>(data_), size_}; }

 private:
  MappedFile() = default;
  void* data_ = MAP_FAILED;
  size_t size_ = 0;
};

// Again while a writer is at work, which may take away pages under the check.
TextResult<void> Check(const LmdbStoreOptions& options) {
  constexpr int kMostTimes = 5;
  std::string error;
  for (int i = 0; i < kMostTimes; ++i) {
    const auto file = MappedFile::Open(options.path);
    if (!file) return Fail(file.error());
    const uint64_t before = LastLmdbTransaction(file->bytes());
    auto checked = CheckLmdb(file->bytes(), options.database);
    if (checked) return {};
    error = std::move(checked.error());
    if (LastLmdbTransaction(file->bytes()) == before) break;
  }
  return Fail(std::move(error));
}

}  // namespace

TextResult<KeyValueStorePtr> OpenLmdbStore(const LmdbStoreOptions& options) {
  const auto fail = [&](std::string_view why) {
    return Fail(fmt::format("cannot open the LMDB file \"{}\": {}", options.path, why));
  };
  if (auto good = Check(options); !good) return fail(good.error());
  auto environment = LmdbEnvironment::Get({options.path, options.no_lock});
  if (!environment) return fail(environment.error());
  const auto database = (*environment)->OpenDatabase(options.database);
  if (!database) return fail(database.error());
  return std::make_shared<LmdbStore>(options, std::move(*environment), *database);
}

}  // namespace breakwater
