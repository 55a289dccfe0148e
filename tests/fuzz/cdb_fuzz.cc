// The input is a CDB file; where the check lets it pass, keys are looked up in it.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "proxy/base/text.h"
#include "proxy/lookup/cdb_store.h"
#include "tests/fuzz/check.h"

using namespace breakwater;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = memfd_create("cdb", 0);
  fuzz::Require(fd >= 0 && ::write(fd, data, size) == static_cast<ssize_t>(size), "memory file");
  const auto store = OpenCdbStore({.path = "/proc/self/fd/" + std::to_string(fd)});
  for (int i = 0; store && i < 300; ++i) {
    const std::string key = i == 0 ? "" : "key " + std::to_string(i);
    (*store)->Find(AsBytes(key), [](std::string_view value) {
      size_t sum = 0;
      for (const char c : value) sum += static_cast<uint8_t>(c);
      fuzz::Require(sum <= value.size() * 255, "sum");
    });
  }
  fuzz::Require(!store || CheckCdb({data, size}).has_value(), "what is opened was checked");
  ::close(fd);
  return 0;
}
