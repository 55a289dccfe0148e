#include "proxy/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace breakwater {

void FillRandom(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // predictable IDs would be worse than no service
    }
    out = out.subspan(static_cast<size_t>(got));
  }
}

uint64_t RandomU64() {
  std::array<uint8_t, 8> bytes{};
  FillRandom(bytes);
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

void Random::Refill() {
  FillRandom(pool_);
  at_ = 0;
}

}  // namespace breakwater
