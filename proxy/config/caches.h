// The packet caches of a configuration, and a flush in all of them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/zone_health.h"
#include "proxy/cache/cache_snapshot.h"
#include "proxy/config/config.h"

namespace breakwater {

// The caches of the pools, each once, with the names of the pools that use it.
std::vector<NamedCache> CachesOf(const Config& config);

// Those to flush: all, or that of one pool. The error is for people: there is no such pool, or none
// has a cache.
TextResult<std::vector<std::shared_ptr<PacketCache>>> CachesToFlush(
    const Config& config, const std::optional<std::string>& pool);

// How many flushes more `caller` may make in all of these caches before its share of what they
// remember is used up (FlushShare). Empty: nobody's, all that is left.
uint64_t FlushesLeft(std::span<const std::shared_ptr<PacketCache>> caches, std::string_view caller);

// What is meant to be gone is no zone that is bad, and what changed has a new serial: to be told of
// what was flushed.
void TellZonesOfFlush(ZoneHealth& zones, std::span<const FlushRequest> flushed, MonoTime now);

}  // namespace breakwater
