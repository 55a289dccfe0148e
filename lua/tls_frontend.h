// Lua's TLSFrontend, DOHFrontend and TLSContext, and the methods that the first two share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lua/lua_classes.h"
#include "lua/tls_options.h"
#include "proxy/query/frontend.h"

namespace breakwater::lua {

struct TlsFrontend {
  std::shared_ptr<Frontend> frontend;
};
struct TlsContext {
  TlsServerPtr tls;
};
template <>
struct LuaClass<TlsFrontend> {
  static constexpr const char* kName = "TLSFrontend";
};
template <>
struct LuaClass<TlsContext> {
  static constexpr const char* kName = "TLSContext";
};

// Those of the working copy, in the order of the file.
std::vector<std::shared_ptr<Frontend>> FrontendsOf(Call& call, Protocol protocol);

// How many may open a ticket; 0 where none are given.
size_t TicketKeysOf(const Frontend& frontend);
// When the next key comes, seconds since 1970; 0: none comes by itself.
int64_t NextRotationOf(Call& call, const Frontend& frontend);

// For a class whose objects have a `frontend`, which may have no TLS.
template <typename Object>
struct TlsFrontendMethods {
  static TextResult<TlsServer*> TlsOf(const Object& object) {
    if (object.frontend->tls) return object.frontend->tls.get();
    return Fail("there is no TLS on " + GetAddress(object));
  }
  static std::string GetAddress(const Object& object) {
    return object.frontend->settings.address.ToStringWithPort();
  }
  static std::string Text(const void* object) {
    return GetAddress(*static_cast<const Object*>(object));
  }
  static TextResult<void> LoadCertificates(Object& object, const CertificatesArg& certificates,
                                           const std::optional<StringOrList>& keys) {
    const auto tls = TlsOf(object);
    if (!tls) return Fail(tls.error());
    auto files = PairKeys(certificates, keys.value_or(StringOrList{}));
    if (!files) return Fail(std::move(files.error()));
    return (*tls)->LoadCertificates(std::move(*files));
  }
  static TextResult<void> Reload(Object& object) {
    const auto tls = TlsOf(object);
    return tls ? (*tls)->Load() : Fail(tls.error());
  }
  static TextResult<void> LoadKey(Call& call, Object& object, const std::string& key) {
    const auto tls = TlsOf(object);
    if (!tls) return Fail(tls.error());
    return (*tls)->tickets().Load({reinterpret_cast<const uint8_t*>(key.data()), key.size()},
                                  call.runtime().clock().Now());
  }
  static TextResult<void> LoadKeys(Call& call, Object& object, const std::string& path) {
    const auto tls = TlsOf(object);
    if (!tls) return Fail(tls.error());
    return (*tls)->tickets().LoadFile(path, call.runtime().clock().Now());
  }
  static TextResult<void> Rotate(Call& call, Object& object) {
    const auto tls = TlsOf(object);
    if (!tls) return Fail(tls.error());
    (*tls)->tickets().Rotate(call.runtime().clock().Now());
    return {};
  }
};

}  // namespace breakwater::lua
