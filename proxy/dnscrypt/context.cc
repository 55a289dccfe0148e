#include "proxy/dnscrypt/context.h"

#include <fmt/format.h>

#include <algorithm>

namespace breakwater::dnscrypt {
namespace {

std::string MissingSerial(uint32_t serial) {
  return fmt::format("no certificate has the serial {}", serial);
}

// Serials name certificates for operators, magics for queries: both must be unambiguous.
TextResult<void> CheckBeside(const CertificateSet& set, const Certificate& certificate) {
  for (const auto& other : set) {
    if (other->certificate.serial() == certificate.serial()) {
      return Fail(
          fmt::format("there is a certificate with the serial {} already", certificate.serial()));
    }
    if (std::ranges::equal(other->certificate.client_magic(), certificate.client_magic())) {
      return Fail(
          fmt::format("the certificates with the serials {} and {} have the same client "
                      "magic: make one of them anew",
                      other->certificate.serial(), certificate.serial()));
    }
  }
  return {};
}

}  // namespace

std::shared_ptr<const CertificateSet> Context::certificates() const {
  return set_.With([](auto& set) { return set; });
}

void Context::Publish(CertificateSet set) {
  auto published = std::make_shared<const CertificateSet>(std::move(set));
  set_.With([&](auto& current) { current = std::move(published); });
  version_.fetch_add(1, std::memory_order_release);
}

TextResult<void> Context::AddPair(CertificatePairPtr pair) {
  MutexLock lock(edit_mutex_);
  CertificateSet set = *certificates();
  if (auto good = CheckBeside(set, pair->certificate); !good) return good;
  set.push_back(std::move(pair));
  Publish(std::move(set));
  return {};
}

TextResult<void> Context::Add(CertificateAndKey made, Use use) {
  return AddPair(std::make_shared<const CertificatePair>(std::move(made), CertificateFiles{}, use));
}

TextResult<void> Context::Load(const CertificateFiles& files, Use use) {
  auto read = ReadCertificate(files, kept_.get());
  if (!read) return Fail(std::move(read.error()));
  auto added = AddPair(std::make_shared<const CertificatePair>(std::move(*read), files, use));
  if (!added) return Fail(fmt::format("{}: {}", files.certificate, added.error()));
  return {};
}

TextResult<void> Context::Reload() {
  MutexLock lock(edit_mutex_);
  const auto before = certificates();
  CertificateSet set;
  for (const auto& pair : *before) {
    if (pair->files.certificate.empty()) {
      if (auto good = CheckBeside(set, pair->certificate); !good) return good;
      set.push_back(pair);
      continue;
    }
    auto read = ReadCertificate(pair->files, kept_.get());
    if (!read) return Fail(std::move(read.error()));
    if (auto good = CheckBeside(set, read->certificate); !good) {
      return Fail(fmt::format("{}: {}", pair->files.certificate, good.error()));
    }
    const bool active =
        read->certificate.serial() != pair->certificate.serial() || pair->active->load();
    set.push_back(std::make_shared<const CertificatePair>(std::move(*read), pair->files,
                                                          active ? Use::kActive : Use::kInactive));
  }
  Publish(std::move(set));
  return {};
}

TextResult<CertificatePairPtr> Context::Find(uint32_t serial) const {
  for (const auto& pair : *certificates()) {
    if (pair->certificate.serial() == serial) return pair;
  }
  return Fail(MissingSerial(serial));
}

TextResult<void> Context::Mark(uint32_t serial, Use use) {
  MutexLock lock(edit_mutex_);
  const auto pair = Find(serial);
  if (!pair) return Fail(pair.error());
  (*pair)->active->store(use == Use::kActive);
  return {};
}

TextResult<void> Context::RemoveInactive(uint32_t serial) {
  MutexLock lock(edit_mutex_);
  const auto pair = Find(serial);
  if (!pair) return Fail(pair.error());
  if ((*pair)->active->load()) {
    return Fail(fmt::format("the certificate with the serial {} is active: mark it inactive first",
                            serial));
  }
  CertificateSet set = *certificates();
  std::erase(set, *pair);
  Publish(std::move(set));
  return {};
}

}  // namespace breakwater::dnscrypt
