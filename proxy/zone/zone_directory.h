// A directory of zone files (NAME.zone; not below it, and not what begins with a dot): which file
// was read when, and which zone it gave. Reads what has changed and publishes it in the store.
// What cannot be read leaves the zone as it was. A zone goes when its file has been missing for a
// while (somebody may be writing all files anew), and no zone goes with a directory that is gone or
// has no zone file left. Blocks on the disk: the helper thread's (watcher.h).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/base/log.h"
#include "proxy/zone/loader.h"
#include "proxy/zone/zone_store.h"

namespace breakwater {

class ZoneDirectory {
 public:
  // While a lot is loaded, what is ready is published at least so often; not before the first look
  // is over, for a server must not refuse what it has yet to read.
  static constexpr MonoTime kPublishEvery = MonoTime::FromMs(75);
  // A file must be missing for so many times the interval.
  static constexpr uint32_t kMissingIntervals = 3;

  // `stop` is looked at between two files.
  ZoneDirectory(ZoneStorePtr store, const Clock& clock, const std::atomic<bool>& stop);

  // Goes through all files.
  void Look();
  // These files were written or came, the kernel says.
  void Changed(const std::vector<std::string>& names);

  static bool IsZoneFile(std::string_view name);

 private:
  enum class State : uint8_t { kServed, kBad, kSecond };
  struct File {
    FileStamp stamp;
    State state = State::kServed;             // SetState() changes it
    std::string error;                        // kBad, kSecond
    std::optional<MonoTime> missing_since{};  // empty: it is there
  };

  void Examine(const std::string& name);
  void Load(const std::string& name, File& file);
  void MarkBad(File& file, State state, std::string error);
  void SetState(File& file, State state);
  void Forget(const std::string& name);
  void ForgetMissing(const std::vector<std::string>& present);
  void SetDirectoryProblem(std::string problem);
  void PublishIfDue();
  void Publish();
  std::string PathOf(const std::string& name) const { return store_->settings().path + "/" + name; }

  ZoneStorePtr store_;
  const Clock& clock_;
  const std::atomic<bool>& stop_;
  ZoneLoader loader_;
  std::map<std::string, File> files_;                     // by name
  size_t bad_files_ = 0;                                  // of those, not kServed
  std::unordered_map<std::string, std::string> file_of_;  // of a zone, by its folded name
  std::shared_ptr<ZoneSet> next_;                         // null: nothing has changed
  MonoTime published_;
  std::string directory_problem_;
  bool looked_ = false;
  LogLimiter limiter_;
};

}  // namespace breakwater
