// The certificates of one DNSCrypt bind, and the name of its provider. Made from the configuration,
// shared by all workers, outlives every listener of the bind. Any thread.
//
// All certificates that are there and valid open queries; those that are active are told to
// clients too. So a new one is added beside the old, which is marked inactive and removed when its
// clients have learnt the new one.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/guarded.h"
#include "proxy/dns/name.h"
#include "proxy/dnscrypt/key_files.h"

namespace breakwater::dnscrypt {

enum class Use : bool { kInactive, kActive };

// Goes with its secret, once it was removed, when nobody uses it any more.
struct CertificatePair {
  Certificate certificate;
  ResolverSecret secret;
  CertificateFiles files;                           // empty: made in memory
  const std::shared_ptr<std::atomic<bool>> active;  // may outlive the pair

  CertificatePair(CertificateAndKey made, CertificateFiles from, Use use)
      : certificate(std::move(made.certificate)),
        secret(std::move(made.secret)),
        files(std::move(from)),
        active(std::make_shared<std::atomic<bool>>(use == Use::kActive)) {}
};
using CertificatePairPtr = std::shared_ptr<const CertificatePair>;
using CertificateSet = std::vector<CertificatePairPtr>;

class Context {
 public:
  // `kept`: in a check of the configuration, what it would have written (key_files.h).
  explicit Context(dns::Name provider, std::shared_ptr<const KeptFiles> kept = nullptr)
      : provider_(std::move(provider)), kept_(std::move(kept)) {}

  const dns::Name& provider() const { return provider_; }

  // In the order added; never null. What was given out stays as it was.
  std::shared_ptr<const CertificateSet> certificates() const;
  // Another number after each change of the set.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // A serial, or a client magic, that is there already is an error.
  TextResult<void> Add(CertificateAndKey made, Use use);
  TextResult<void> Load(const CertificateFiles& files, Use use);
  // All files anew. Where one is bad, nothing changes. One whose serial is the same is as active as
  // before; others are active. What was made in memory stays.
  TextResult<void> Reload();

  TextResult<void> Mark(uint32_t serial, Use use);
  // One that is active is not removed.
  TextResult<void> RemoveInactive(uint32_t serial);

 private:
  TextResult<void> AddPair(CertificatePairPtr pair);
  TextResult<CertificatePairPtr> Find(uint32_t serial) const;
  void Publish(CertificateSet set);

  const dns::Name provider_;
  const std::shared_ptr<const KeptFiles> kept_;
  mutable Mutex edit_mutex_;  // one edit at a time
  mutable Guarded<std::shared_ptr<const CertificateSet>> set_{
      std::make_shared<const CertificateSet>()};
  std::atomic<uint64_t> version_{1};
};

}  // namespace breakwater::dnscrypt
