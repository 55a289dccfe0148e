#include "proxy/dnscrypt/session.h"

#include <sodium.h>

#include "proxy/dnscrypt/wipe.h"

namespace breakwater::dnscrypt {

void Wipe(Session& session) {
  sodium_memzero(&session, sizeof(session));
}

void WipeBytes(std::span<uint8_t> bytes) {
  sodium_memzero(bytes.data(), bytes.size());
}

}  // namespace breakwater::dnscrypt
