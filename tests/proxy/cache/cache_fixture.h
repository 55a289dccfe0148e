// A cache on a manual clock, and the few steps that every cache test takes. Queries and answers
// are written as QueryMaker reads them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/cache/packet_cache.h"
#include "tests/support/manual_clock.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {

inline std::optional<CacheKey> KeyOf(const std::vector<uint8_t>& query,
                                     const CacheKeyOptions& options = {},
                                     KeySubnet subnet = KeySubnet::kAsOptionsSay) {
  const auto question = dns::ParseQuestion(query);
  EXPECT_TRUE(question);
  const auto edns = dns::FindEdns(query, question->end());
  EXPECT_TRUE(edns);
  return MakeCacheKey({query, *question, *edns}, options, subnet);
}

class CacheFixture : public testing::Test {
 protected:
  struct Reply {
    CacheResult result = CacheResult::kMiss;
    std::string text;  // Describe()'s
    std::vector<uint8_t> message;
  };

  CacheFixture() { settings.max_entries = 1000; }

  PacketCache& cache() {
    if (!cache_) {
      auto made = PacketCache::Make(settings, clock);
      EXPECT_TRUE(made) << made.error();
      cache_ = *made;
    }
    return *cache_;
  }

  static std::vector<uint8_t> Wire(const std::string& text) { return QueryMaker::Message(text); }

  // Asks and answers now. `answer` is what follows the question in QueryMaker's language.
  bool Put(const std::string& query, const std::string& answer) {
    return PutAs(query, query + " +qr " + answer, Insertion());
  }
  CacheInsert Insertion() {
    return {.now = clock.Now(), .asked = clock.Now(), .asked_epoch = cache().epoch()};
  }
  bool PutAs(const std::string& query, const std::string& answer, const CacheInsert& how) {
    const auto key = KeyOf(Wire(query), settings.key);
    EXPECT_TRUE(key) << query;
    return cache().Insert(*key, Wire(answer), how);
  }

  Reply Get(const std::string& query) { return GetAs(query, {.now = clock.Now()}); }
  Reply GetAs(const std::string& query, const CacheLookup& how) {
    const auto wire = Wire(query);
    const auto key = KeyOf(wire, settings.key);
    EXPECT_TRUE(key) << query;
    Reply reply;
    reply.message = wire;
    reply.message.resize(4096);
    const size_t name_length = dns::ParseQuestion(wire)->name_length;
    const CacheHit hit = cache().Lookup(*key, reply.message, name_length, how);
    reply.result = hit.result;
    reply.message.resize(hit.result == CacheResult::kMiss ? wire.size() : hit.size);
    reply.text = Describe(reply.message);
    return reply;
  }
  bool Hits(const std::string& query) { return Get(query).result == CacheResult::kFresh; }

  static dns::Name NameOf(const std::string& text) { return *dns::Name::Parse(text); }

  void Advance(double seconds) { clock.Advance(MonoTime::FromSeconds(seconds)); }
  // Whole passes of the sweeper: what it freed.
  size_t SweepAll(ExpiredEntries expired = ExpiredEntries::kFree) {
    return cache().Sweep(1'000'000'000, expired);
  }

  PacketCacheSettings settings;
  ManualClock clock;
  std::shared_ptr<PacketCache> cache_;
};

inline const char kOneAddress[] = "/ answer www.example.com 300 A 192.0.2.1";

}  // namespace breakwater::test
