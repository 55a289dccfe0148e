// Who may use the web server: hashed or plain credentials compared in constant time, and which
// kind of credential each path takes (meaning-operation.md, "Web server and API"). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace breakwater {

// "$scrypt$ln=10,p=1,r=8$SALT$HASH", as dnsdist makes it. `work_factor` is a power of two, 2 to
// 2^20; `salt` 16 bytes, random where empty.
TextResult<std::string> HashPassword(std::string_view password, uint64_t work_factor = 1024,
                                     std::string_view salt = {});
bool IsHashedPassword(std::string_view stored);
// `stored` plain or hashed. A hash that does not parse, or asks for more than 32 MB, matches
// nothing. Takes milliseconds for a hash.
bool PasswordMatches(std::string_view stored, std::string_view given);
// Without telling by its duration where they differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

// What came with a request.
struct WebCredentials {
  std::string_view authorization;  // "Basic ..."; empty: none
  std::string_view api_key;        // X-API-Key; empty: none
};
// User and password of an Authorization header; false where it is none of "Basic".
struct BasicCredentials {
  std::string user;
  std::string password;
};
bool ParseBasicCredentials(std::string_view authorization, BasicCredentials* out);

// Whether the request for `path` may go on.
bool IsAuthorized(std::string_view path, const WebCredentials& credentials,
                  const WebServerSettings& settings);

}  // namespace breakwater
