#include "proxy/dnscrypt/key_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "proxy/base/unique_fd.h"

namespace breakwater::dnscrypt {
namespace {

constexpr mode_t kForAll = 0644;
constexpr mode_t kForOwner = 0600;

struct Wanted {
  const std::string& path;
  const char* what;
};

// Exactly as many octets as `out` has.
TextResult<void> ReadWhole(const Wanted& wanted, std::span<uint8_t> out) {
  const UniqueFd fd(open(wanted.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return Fail(
        fmt::format("cannot read {} {}: {}", wanted.what, wanted.path, std::strerror(errno)));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Fail(fmt::format("cannot read {} {}: it is no file", wanted.what, wanted.path));
  }
  const ssize_t got = read(fd.get(), out.data(), out.size());
  if (static_cast<size_t>(status.st_size) == out.size() && got == status.st_size) return {};
  WipeBytes(out);
  return Fail(fmt::format("{} {} should have {} octets, it has {}", wanted.what, wanted.path,
                          out.size(), status.st_size));
}

// Beside the old file, which stays where this fails; then in its place.
TextResult<void> WriteWhole(const std::string& path, std::span<const uint8_t> bytes, mode_t mode) {
  const std::string beside = fmt::format("{}.new-{}", path, getpid());
  unlink(beside.c_str());  // of a process that had the same number and was killed
  UniqueFd fd(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  const bool written =
      fd.valid() &&
      write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
      fsync(fd.get()) == 0 && rename(beside.c_str(), path.c_str()) == 0;
  if (written) return {};
  const int error = errno;
  if (fd.valid()) unlink(beside.c_str());
  return Fail(fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

}  // namespace

TextResult<PublicKey> WriteProviderKeys(const ProviderKeyFiles& files) {
  PublicKey key;
  ProviderSecret secret;
  MakeProviderKeys(&key, &secret);
  if (auto good = WriteWhole(files.secret, secret.bytes, kForOwner); !good) {
    return Fail(std::move(good.error()));
  }
  if (auto good = WriteWhole(files.public_key, key, kForAll); !good) {
    return Fail(std::move(good.error()));
  }
  return key;
}

TextResult<PublicKey> ReadProviderKey(const std::string& path) {
  PublicKey key;
  if (auto good = ReadWhole({path, "the provider's public key"}, key); !good) {
    return Fail(std::move(good.error()));
  }
  return key;
}

TextResult<ProviderSecret> ReadProviderSecret(const std::string& path) {
  ProviderSecret secret;
  if (auto good = ReadWhole({path, "the provider's private key"}, secret.bytes); !good) {
    return Fail(std::move(good.error()));
  }
  return secret;
}

TextResult<void> WriteCertificate(const CertificateAndKey& made, const CertificateFiles& files) {
  if (auto good = WriteWhole(files.secret, made.secret.bytes, kForOwner); !good) return good;
  return WriteWhole(files.certificate, made.certificate.bytes(), kForAll);
}

TextResult<CertificateAndKey> ReadCertificate(const CertificateFiles& files) {
  std::array<uint8_t, kCertificateSize> bytes;
  if (auto good = ReadWhole({files.certificate, "the certificate"}, bytes); !good) {
    return Fail(std::move(good.error()));
  }
  auto certificate = Certificate::Parse(bytes);
  if (!certificate) return Fail(fmt::format("{}: {}", files.certificate, certificate.error()));
  CertificateAndKey read{std::move(*certificate), {}};
  if (auto good = ReadWhole({files.secret, "the private key"}, read.secret.bytes); !good) {
    return Fail(std::move(good.error()));
  }
  if (!std::ranges::equal(PublicKeyOf(read.secret), read.certificate.resolver_key())) {
    return Fail(fmt::format("the private key {} is not that of the certificate {}", files.secret,
                            files.certificate));
  }
  return read;
}

}  // namespace breakwater::dnscrypt
