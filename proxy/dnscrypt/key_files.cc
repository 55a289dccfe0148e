#include "proxy/dnscrypt/key_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "proxy/base/unique_fd.h"

namespace breakwater::dnscrypt {
namespace {

constexpr mode_t kForAll = 0644;
constexpr mode_t kForOwner = 0600;

struct Wanted {
  const std::string& path;
  const char* what;
  const KeptFiles* kept;
};

TextResult<void> WrongSize(const Wanted& wanted, size_t should, size_t has) {
  return Fail(
      fmt::format("{} {} should have {} octets, it has {}", wanted.what, wanted.path, should, has));
}

// Exactly as many octets as `out` has.
TextResult<void> ReadWhole(const Wanted& wanted, std::span<uint8_t> out) {
  if (const auto* held = wanted.kept == nullptr ? nullptr : wanted.kept->Find(wanted.path)) {
    if (held->size() != out.size()) return WrongSize(wanted, out.size(), held->size());
    std::ranges::copy(*held, out.begin());
    return {};
  }
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
  return WrongSize(wanted, out.size(), static_cast<size_t>(status.st_size));
}

// A file that is written beside the old one, and put in its place once all are written.
class NewFile {
 public:
  NewFile(std::string path, mode_t mode)
      : path_(std::move(path)), beside_(fmt::format("{}.new-{}", path_, getpid())), mode_(mode) {}
  ~NewFile() {
    if (fd_.valid()) unlink(beside_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  TextResult<void> Write(std::span<const uint8_t> bytes) {
    unlink(beside_.c_str());  // of a process that had the same number and was killed
    fd_ = UniqueFd(open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_));
    const bool written =
        fd_.valid() &&
        write(fd_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
        fsync(fd_.get()) == 0;
    return written ? TextResult<void>() : Problem();
  }
  TextResult<void> Commit() {
    if (rename(beside_.c_str(), path_.c_str()) != 0) return Problem();
    fd_.Reset();
    return {};
  }

 private:
  TextResult<void> Problem() const {
    return Fail(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
  }

  const std::string path_, beside_;
  const mode_t mode_;
  UniqueFd fd_;
};

struct Content {
  const std::string& path;
  std::span<const uint8_t> bytes;
};

// Both or none: what is public is of no use without its secret.
TextResult<void> WriteBoth(const Content& secret, const Content& open, KeptFiles* kept) {
  if (kept != nullptr) {
    kept->Put(secret.path, secret.bytes);
    kept->Put(open.path, open.bytes);
    return {};
  }
  NewFile first(secret.path, kForOwner);
  NewFile second(open.path, kForAll);
  if (auto good = first.Write(secret.bytes); !good) return good;
  if (auto good = second.Write(open.bytes); !good) return good;
  if (auto good = first.Commit(); !good) return good;
  return second.Commit();
}

std::string WholePath(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored).lexically_normal();
}

}  // namespace

void KeptFiles::Put(const std::string& path, std::span<const uint8_t> bytes) {
  files_[WholePath(path)].assign(bytes.begin(), bytes.end());
}

const std::vector<uint8_t>* KeptFiles::Find(const std::string& path) const {
  const auto found = files_.find(WholePath(path));
  return found == files_.end() ? nullptr : &found->second;
}

TextResult<PublicKey> WriteProviderKeys(const ProviderKeyFiles& files, KeptFiles* kept) {
  PublicKey key;
  ProviderSecret secret;
  MakeProviderKeys(&key, &secret);
  const auto good = WriteBoth({files.secret, secret.bytes}, {files.public_key, key}, kept);
  if (!good) return Fail(good.error());
  return key;
}

TextResult<PublicKey> ReadProviderKey(const std::string& path, const KeptFiles* kept) {
  PublicKey key;
  if (auto good = ReadWhole({path, "the provider's public key", kept}, key); !good) {
    return Fail(std::move(good.error()));
  }
  return key;
}

TextResult<ProviderSecret> ReadProviderSecret(const std::string& path, const KeptFiles* kept) {
  ProviderSecret secret;
  if (auto good = ReadWhole({path, "the provider's private key", kept}, secret.bytes); !good) {
    return Fail(std::move(good.error()));
  }
  return secret;
}

TextResult<void> WriteCertificate(const CertificateAndKey& made, const CertificateFiles& files,
                                  KeptFiles* kept) {
  return WriteBoth({files.secret, made.secret.bytes}, {files.certificate, made.certificate.bytes()},
                   kept);
}

TextResult<CertificateAndKey> ReadCertificate(const CertificateFiles& files,
                                              const KeptFiles* kept) {
  std::array<uint8_t, kCertificateSize> bytes;
  if (auto good = ReadWhole({files.certificate, "the certificate", kept}, bytes); !good) {
    return Fail(std::move(good.error()));
  }
  auto certificate = Certificate::Parse(bytes);
  if (!certificate) return Fail(fmt::format("{}: {}", files.certificate, certificate.error()));
  CertificateAndKey read{std::move(*certificate), {}};
  if (auto good = ReadWhole({files.secret, "the private key", kept}, read.secret.bytes); !good) {
    return Fail(std::move(good.error()));
  }
  if (!std::ranges::equal(PublicKeyOf(read.secret), read.certificate.resolver_key())) {
    return Fail(fmt::format("the private key {} is not that of the certificate {}", files.secret,
                            files.certificate));
  }
  return read;
}

}  // namespace breakwater::dnscrypt
