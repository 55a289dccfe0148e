// Asks servers for the SOA of names, each question over a socket of its own, with the transport
// and the time-out of the server's health checks. On the control thread's loop.
#pragma once

#include <map>
#include <memory>

#include "proxy/backend/health_check.h"
#include "proxy/base/random.h"
#include "proxy/control/zone_prober.h"

namespace breakwater {

class SoaProber final : public ZoneProber {
 public:
  // Both must outlive it.
  SoaProber(Loop& loop, const ZoneHealth& zones) : loop_(loop), zones_(zones) {}

  size_t Ask(const dns::Name& name, std::span<const BackendPtr> backends, Done done) override;
  size_t open() const override { return open_.size(); }

 private:
  struct Open {
    std::unique_ptr<HealthCheck> check;
    dns::Name name;
    Done done;
  };
  void OnEnd(uint64_t number, HealthVerdict verdict);

  Loop& loop_;
  const ZoneHealth& zones_;
  Random random_;
  std::map<uint64_t, Open> open_;
  uint64_t next_ = 1;
};

// What the reply to such a question says of `name`, whose zone has so many labels (0: not known).
ProbeAnswer JudgeProbeReply(std::span<const uint8_t> reply, const dns::Name& name,
                            uint8_t apex_labels);

}  // namespace breakwater
