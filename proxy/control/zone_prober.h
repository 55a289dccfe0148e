// Asks servers for the SOA of a name, for whoever wants to know how they answer for it now.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "proxy/backend/backend.h"
#include "proxy/control/list_flush.h"
#include "proxy/dns/name.h"

namespace breakwater {

class ZoneProber {
 public:
  virtual ~ZoneProber() = default;
  using Done = std::function<void(const ProbeAnswer& answer)>;
  // Asks each of them once. `done` is called for each question, later, from the loop; returns how
  // many questions there are (a server that cannot be asked is none).
  virtual size_t Ask(const dns::Name& name, std::span<const BackendPtr> backends, Done done) = 0;
  virtual size_t open() const = 0;  // questions without an answer yet
};

}  // namespace breakwater
