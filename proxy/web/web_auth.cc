#include "proxy/web/web_auth.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <vector>

#include "proxy/base/random.h"
#include "proxy/base/text.h"

namespace breakwater {
namespace {

constexpr std::string_view kPrefix = "$scrypt$";
constexpr size_t kSaltSize = 16;
constexpr size_t kHashSize = 32;
constexpr uint64_t kMaxMemory = 32 * 1024 * 1024;
constexpr unsigned kMaxLogWork = 20;

struct ScryptParameters {
  uint64_t work = 1024;
  uint64_t blocks = 8;    // r
  uint64_t parallel = 1;  // p
};

std::optional<std::string> FromBase64(std::string_view text) {
  const auto bytes = Base64Decode(text);
  if (!bytes) return std::nullopt;
  return std::string(AsText(*bytes));
}

std::optional<std::string> Scrypt(std::string_view password, std::string_view salt,
                                  const ScryptParameters& parameters) {
  std::string hash(kHashSize, '\0');
  const int ok = EVP_PBE_scrypt(password.data(), password.size(),
                                reinterpret_cast<const unsigned char*>(salt.data()), salt.size(),
                                parameters.work, parameters.blocks, parameters.parallel, kMaxMemory,
                                reinterpret_cast<unsigned char*>(hash.data()), hash.size());
  return ok == 1 ? std::optional(hash) : std::nullopt;
}

std::optional<uint64_t> ParameterOf(std::string_view text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "ln=10,p=1,r=8"
std::optional<ScryptParameters> ParseParameters(std::string_view text) {
  const auto parts = Split(text, ',');
  if (parts.size() != 3) return std::nullopt;
  const auto log_work = ParameterOf(parts[0], "ln=");
  const auto parallel = ParameterOf(parts[1], "p=");
  const auto blocks = ParameterOf(parts[2], "r=");
  if (!log_work || !parallel || !blocks) return std::nullopt;
  if (*log_work == 0 || *log_work > kMaxLogWork || *parallel == 0 || *parallel > 16 ||
      *blocks == 0 || *blocks > 64) {
    return std::nullopt;
  }
  return ScryptParameters{uint64_t{1} << *log_work, *blocks, *parallel};
}

bool PasswordOpens(const WebCredentials& credentials, const WebServerSettings& settings) {
  BasicCredentials basic;
  if (!ParseBasicCredentials(credentials.authorization, &basic)) return false;
  if (basic.user.empty() || basic.password.empty()) return false;
  return settings.password.empty() || PasswordMatches(settings.password, basic.password);
}

bool KeyOpens(const WebCredentials& credentials, const WebServerSettings& settings) {
  if (settings.api_key.empty() || credentials.api_key.empty()) return false;
  return PasswordMatches(settings.api_key, credentials.api_key);
}

}  // namespace

TextResult<std::string> HashPassword(std::string_view password, uint64_t work_factor,
                                     std::string_view salt) {
  if (!std::has_single_bit(work_factor) || work_factor < 2 ||
      work_factor > uint64_t{1} << kMaxLogWork) {
    return Fail(fmt::format("the work factor must be a power of two from 2 to {}, not {}",
                            uint64_t{1} << kMaxLogWork, work_factor));
  }
  std::string own_salt(kSaltSize, '\0');
  if (salt.empty()) {
    FillRandom({reinterpret_cast<uint8_t*>(own_salt.data()), own_salt.size()});
  } else {
    own_salt = salt;
  }
  const ScryptParameters parameters{.work = work_factor};
  const auto hash = Scrypt(password, own_salt, parameters);
  if (!hash) return Fail(std::string("the work factor needs more memory than is allowed"));
  return fmt::format("{}ln={},p={},r={}${}${}", kPrefix, std::countr_zero(work_factor),
                     parameters.parallel, parameters.blocks, Base64Encode(AsBytes(own_salt)),
                     Base64Encode(AsBytes(*hash)));
}

bool IsHashedPassword(std::string_view stored) {
  return stored.starts_with(kPrefix);
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  // Hashes have one length, whatever that of the texts.
  std::array<uint8_t, SHA256_DIGEST_LENGTH> hash_a;
  std::array<uint8_t, SHA256_DIGEST_LENGTH> hash_b;
  SHA256(reinterpret_cast<const uint8_t*>(a.data()), a.size(), hash_a.data());
  SHA256(reinterpret_cast<const uint8_t*>(b.data()), b.size(), hash_b.data());
  return CRYPTO_memcmp(hash_a.data(), hash_b.data(), hash_a.size()) == 0;
}

bool PasswordMatches(std::string_view stored, std::string_view given) {
  if (!IsHashedPassword(stored)) return EqualInConstantTime(stored, given);
  const auto parts = Split(stored.substr(kPrefix.size()), '$');
  if (parts.size() != 3) return false;
  const auto parameters = ParseParameters(parts[0]);
  const auto salt = FromBase64(parts[1]);
  const auto expected = FromBase64(parts[2]);
  if (!parameters || !salt || salt->empty() || !expected || expected->size() != kHashSize) {
    return false;
  }
  const auto hash = Scrypt(given, *salt, *parameters);
  return hash && EqualInConstantTime(*hash, *expected);
}

bool ParseBasicCredentials(std::string_view authorization, BasicCredentials* out) {
  constexpr std::string_view kScheme = "basic ";
  if (!EqualsIgnoreCase(authorization.substr(0, kScheme.size()), kScheme)) return false;
  const auto decoded = FromBase64(authorization.substr(kScheme.size()));
  if (!decoded) return false;
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) return false;
  out->user = decoded->substr(0, colon);
  out->password = decoded->substr(colon + 1);
  return true;
}

bool IsAuthorized(std::string_view path, const WebCredentials& credentials,
                  const WebServerSettings& settings) {
  const bool statistics = path == "/jsonstat" || path == "/metrics";
  const bool servers_page = path == "/api/v1/servers/localhost";
  const bool api = path.starts_with("/api/");
  if (statistics && !settings.stats_require_authentication) return true;
  if (api && !settings.api_requires_authentication) return true;
  const bool takes_password = statistics || servers_page || !api;
  if (takes_password && !settings.dashboard_requires_authentication) return true;
  if (takes_password && PasswordOpens(credentials, settings)) return true;
  return (statistics || api) && KeyOpens(credentials, settings);
}

}  // namespace breakwater
