// The zones of one server of zone files, between the helper thread that reads them and everybody
// who asks. The set of zones is immutable and swapped whole. Shared by shared_ptr; any thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/base/guarded.h"
#include "proxy/zone/zone_set.h"

namespace breakwater {

struct ZoneSourceSettings {
  std::string path;          // of the directory
  uint32_t interval_s = 10;  // between two looks at all files, beside what the kernel tells
};

// What an operator wants to know.
struct ZoneStatus {
  bool looked = false;   // the directory was gone through once
  size_t zones = 0;      // held
  size_t bad_files = 0;  // not served as they are: an older zone may be
  std::string problem;   // with the directory, else with the first bad file; empty: none
};

class ZoneStore {
 public:
  explicit ZoneStore(ZoneSourceSettings settings) : settings_(std::move(settings)) {}

  const ZoneSourceSettings& settings() const { return settings_; }
  ZoneSetPtr zones() const { return zones_.Copy(); }  // never null
  ZoneStatus status() const { return status_.Copy(); }
  // At least one zone is held: the server can answer.
  bool HasZones() const { return zone_count_.load(std::memory_order_relaxed) > 0; }
  // In words, for logs and tables: what is held, and what is wrong.
  std::string Describe() const;

  uint64_t published() const { return published_.Get(); }  // sets so far

  SharedCounter& answers() { return answers_; }
  SharedCounter& loads() { return loads_; }  // zones read, again or for the first time
  SharedCounter& load_errors() { return load_errors_; }

  // The helper thread's. To free a set takes a while, so that must not fall to a worker which
  // happens to hold it last: sets that are still held are kept until FreeRetired() finds them
  // alone.
  void Publish(ZoneSetPtr zones);
  void FreeRetired();
  void SetStatus(ZoneStatus status);

 private:
  ZoneSourceSettings settings_;
  Guarded<ZoneSetPtr> zones_{std::make_shared<const ZoneSet>()};
  std::vector<ZoneSetPtr> retired_;
  std::atomic<size_t> zone_count_{0};
  Guarded<ZoneStatus> status_;
  SharedCounter answers_, loads_, load_errors_, published_;
};

using ZoneStorePtr = std::shared_ptr<ZoneStore>;

}  // namespace breakwater
