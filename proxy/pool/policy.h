// A load-balancing policy: chooses among a pool's servers, or nobody. One object may serve many
// pools and all workers: state must be atomic. One balancer a file in policies/.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proxy/backend/backend.h"
#include "proxy/base/random.h"
#include "proxy/query/query.h"

namespace breakwater {

struct PolicyContext {
  const Query& query;
  MonoTime now;
  Random& random;
};

class Policy {
 public:
  virtual ~Policy() = default;
  // `servers` is sorted by order, then by position in the configuration; those that are down are
  // among them. Null: no server.
  virtual BackendPtr Choose(std::span<const BackendPtr> servers, PolicyContext& context) const = 0;
  // Choose without what it changes, for explain; nothing where chance, turns or Lua decide.
  virtual std::optional<BackendPtr> Peek(std::span<const BackendPtr>, PolicyContext&) const {
    return std::nullopt;
  }
  virtual std::string Name() const = 0;  // "leastOutstanding"
  virtual bool IsLua() const { return false; }
};
using PolicyPtr = std::shared_ptr<const Policy>;

struct PolicySettings {
  bool round_robin_fail_on_no_server = false;
  uint32_t whashed_perturbation = 0;     // 0: drawn at start
  double weighted_balancing_factor = 0;  // 0: off
  double consistent_hashing_balancing_factor = 0;
};

// leastOutstanding, firstAvailable, wrandom, whashed, chashed, roundrobin, orderedWrandUntag;
// null for another name.
PolicyPtr MakePolicy(std::string_view name, const PolicySettings& settings);

}  // namespace breakwater
