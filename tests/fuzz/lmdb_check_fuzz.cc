// The input is an LMDB file. What passes the check is read by the library itself, which must find
// it readable.
#include "proxy/lookup/lmdb_check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "proxy/base/text.h"
#include "proxy/lookup/lmdb_store.h"
#include "tests/fuzz/check.h"

using namespace breakwater;

namespace {

// A file without a name in any folder.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const uint8_t> content) : fd_(memfd_create("lmdb", 0)) {
    fuzz::Require(fd_ >= 0, "memfd_create");
    fuzz::Require(
        ::write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
        "write");
  }
  ~MemoryFile() { ::close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> file = fuzz::Input(data, size).Rest();
  if (!CheckLmdb(file, "db") || file.size() > 1 << 20) return 0;
  const MemoryFile held(file);
  const auto store = OpenLmdbStore({.path = held.path(), .database = "db", .no_lock = true});
  if (!store) return 0;
  for (const char* key : {"a", "key 10", "key 2", "zz", "\xff\xff"}) {
    (*store)->Find(AsBytes(key), [](std::string_view value) {
      size_t sum = 0;
      for (const char c : value) sum += static_cast<uint8_t>(c);
      fuzz::Require(sum <= value.size() * 255, "sum");
    });
    (*store)->FindRange(AsBytes(key), [](std::string_view) {});
  }
  return 0;
}
