// Who refreshes an entry that is due (PacketCache::BeginRefresh): given back when it is destroyed,
// however the refresh has ended. Owned by the flight that asks; its worker's thread.
#pragma once

#include <memory>
#include <utility>

#include "proxy/cache/packet_cache.h"

namespace breakwater {

class RefreshTicket {
 public:
  RefreshTicket(std::shared_ptr<PacketCache> cache, const CacheKey& key, dns::Name name,
                uint8_t ticket)
      : cache_(std::move(cache)), key_(key), name_(std::move(name)), ticket_(ticket) {}
  ~RefreshTicket() { cache_->EndRefresh(key_, name_.wire(), ticket_); }
  RefreshTicket(const RefreshTicket&) = delete;
  RefreshTicket& operator=(const RefreshTicket&) = delete;

 private:
  const std::shared_ptr<PacketCache> cache_;
  const CacheKey key_;
  const dns::Name name_;
  const uint8_t ticket_;
};

}  // namespace breakwater
