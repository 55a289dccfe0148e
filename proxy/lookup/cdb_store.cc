#include "proxy/lookup/cdb_store.h"

#include <cdb.h>
#include <fmt/format.h>

#include "proxy/lookup/file_copy.h"
#include "proxy/lookup/file_store.h"

namespace breakwater {
namespace {

constexpr size_t kTables = 256;
constexpr size_t kHeader = kTables * 8;  // of each table: offset, number of slots

uint32_t Word(std::span<const uint8_t> file, size_t at) {
  return uint32_t{file[at]} | uint32_t{file[at + 1]} << 8 | uint32_t{file[at + 2]} << 16 |
         uint32_t{file[at + 3]} << 24;
}

class CdbImage {
 public:
  static TextResult<std::shared_ptr<const CdbImage>> Open(const std::string& path) {
    const auto fail = [&](std::string_view why) {
      return Fail(fmt::format("cannot open the CDB file \"{}\": {}", path, why));
    };
    auto copy = CopyIntoMemory(path);
    if (!copy) return fail(copy.error());
    auto image = std::make_shared<CdbImage>();
    errno = 0;
    if (cdb_init(&image->cdb_, copy->get()) != 0) {
      return fail(errno == EPROTO || errno == 0 ? "it is no CDB file" : std::strerror(errno));
    }
    image->open_ = true;
    image->fd_ = std::move(*copy);
    if (auto good = CheckCdb({image->cdb_.cdb_mem, image->cdb_.cdb_fsize}); !good) {
      return fail(good.error());
    }
    return image;
  }
  ~CdbImage() {
    if (open_) cdb_free(&cdb_);
  }

  bool Find(KeyValueStore::Key key, KeyValueStore::Visitor visit, bool* damaged) const {
    cdb search = cdb_;  // a look-up notes in it where it found something
    const int found = cdb_find(&search, key.data(), static_cast<unsigned>(key.size()));
    *damaged = found < 0;
    if (found <= 0) return false;
    const void* value = cdb_getdata(&search);
    *damaged = value == nullptr;
    if (value != nullptr) visit({static_cast<const char*>(value), cdb_datalen(&search)});
    return value != nullptr;
  }

 private:
  cdb cdb_{};
  bool open_ = false;
  UniqueFd fd_;
};

}  // namespace

TextResult<void> CheckCdb(std::span<const uint8_t> file) {
  if (file.size() < kHeader) return Fail(std::string("it is too short for a CDB file"));
  for (size_t table = 0; table < kTables; ++table) {
    const uint64_t offset = Word(file, table * 8);
    const uint64_t slots = Word(file, table * 8 + 4);
    if (slots == 0) continue;
    if (offset < kHeader || offset + slots * 8 > file.size()) {
      return Fail(
          fmt::format("table {} does not lie in the file: it is damaged or cut off", table));
    }
  }
  return {};
}

TextResult<KeyValueStorePtr> OpenCdbStore(const CdbStoreOptions& options) {
  return FileStore<CdbImage>::Open(
      {.path = options.path, .kind = "CDB", .refresh_s = options.refresh_s}, &CdbImage::Open);
}

}  // namespace breakwater
