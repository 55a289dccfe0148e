// Where a zone transfer over a stream stands: fed with its messages in their order, it says after
// which one the answer is over (AXFR: RFC 5936, 2.2; IXFR: RFC 1995, 4). Reads SOA records and
// leaves the rest alone. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "proxy/dns/question.h"

namespace breakwater::dns {

class TransferProgress {
 public:
  // Nothing where the query asks for no transfer. `question` must come from the message.
  static std::optional<TransferProgress> Of(std::span<const uint8_t> query,
                                            const Question& question);

  enum class State : uint8_t { kMore, kOver, kBroken };
  // kBroken: the records are not what the counts say, or an SOA is none.
  State Take(std::span<const uint8_t> message);

 private:
  enum class Stage : uint8_t {
    kFirst,      // nothing yet
    kSecond,     // after the zone's new SOA
    kWhole,      // record after record until the SOA comes again
    kDeletions,  // the differences: what goes, behind the SOA of the older version
    kAdditions,  // and what comes, behind the SOA of the next one
    kOver,
  };
  explicit TransferProgress(Type type) : type_(type) {}
  void TakeSoa(uint32_t serial);
  void TakeOther();

  Type type_;
  Stage stage_ = Stage::kFirst;
  uint32_t serial_ = 0;                      // the new version's
  std::optional<uint32_t> client_serial_{};  // IXFR: what the client has
};

}  // namespace breakwater::dns
