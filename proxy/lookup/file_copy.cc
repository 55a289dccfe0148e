#include "proxy/lookup/file_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include <cerrno>
#include <cstring>

namespace breakwater {

TextResult<UniqueFd> CopyIntoMemory(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return Fail(std::string(std::strerror(errno)));
  UniqueFd copy(::memfd_create("breakwater-store", MFD_CLOEXEC));
  if (!copy.valid()) return Fail(std::string(std::strerror(errno)));
  constexpr size_t kPiece = 16 << 20;
  for (;;) {
    const ssize_t copied = ::sendfile(copy.get(), file.get(), nullptr, kPiece);
    if (copied == 0) break;
    if (copied < 0 && errno != EINTR) return Fail(std::string(std::strerror(errno)));
  }
  if (::lseek(copy.get(), 0, SEEK_SET) != 0) return Fail(std::string(std::strerror(errno)));
  return copy;
}

}  // namespace breakwater
