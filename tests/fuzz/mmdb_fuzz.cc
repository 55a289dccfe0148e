// The input is an MMDB file; where it is opened, addresses are looked up in it.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "proxy/base/address.h"
#include "proxy/lookup/mmdb_store.h"
#include "tests/fuzz/check.h"

using namespace breakwater;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = memfd_create("mmdb", 0);
  fuzz::Require(fd >= 0 && ::write(fd, data, size) == static_cast<ssize_t>(size), "memory file");
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  for (const char* value : {"country.iso_code", "asn", "cities.1"}) {
    const auto store = OpenMmdbStore({.path = path, .value = value});
    if (!store) {
      fuzz::Require(store.error().find(path) != std::string::npos, "an error names the file");
      continue;
    }
    for (const char* text : {"192.0.2.1", "192.0.2.200", "198.51.100.7", "255.255.255.255",
                             "2001:db8::1", "::1", "ffff::1"}) {
      const Address address = Address::Parse(text).value();
      (*store)->Find(address.Raw(), [](std::string_view found) {
        size_t sum = 0;
        for (const char c : found) sum += static_cast<uint8_t>(c);
        fuzz::Require(sum <= found.size() * 255, "sum");
      });
    }
  }
  ::close(fd);
  return 0;
}
