#include "proxy/zone/zone_directory.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

std::string KeyOf(const dns::Name& name) {
  return std::string(AsText(name.Folded().wire()));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Sorted; the error says what the system said.
TextResult<std::vector<std::string>> ZoneFilesIn(const std::string& path) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (directory == nullptr) return Fail(std::string(std::strerror(errno)));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (ZoneDirectory::IsZoneFile(entry->d_name)) names.emplace_back(entry->d_name);
    errno = 0;
  }
  if (errno != 0) return Fail(std::string(std::strerror(errno)));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

ZoneDirectory::ZoneDirectory(ZoneStorePtr store, const Clock& clock, const std::atomic<bool>& stop)
    : store_(std::move(store)), clock_(clock), stop_(stop), published_(clock.Now()) {}

bool ZoneDirectory::IsZoneFile(std::string_view name) {
  return name.ends_with(".zone") && !name.starts_with('.');
}

void ZoneDirectory::Look() {
  const std::string& path = store_->settings().path;
  const auto names = ZoneFilesIn(path);
  if (!names) {
    SetDirectoryProblem(fmt::format("directory {}: {}", path, names.error()));
  } else if (names->empty()) {
    SetDirectoryProblem(fmt::format("directory {} holds no file NAME.zone", path));
  } else {
    SetDirectoryProblem("");
    for (const std::string& name : *names) {
      if (stop_) return;
      Examine(name);
      PublishIfDue();
    }
    ForgetMissing(*names);
  }
  looked_ = true;
  Publish();
}

void ZoneDirectory::Changed(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (stop_) return;
    if (!IsZoneFile(name)) continue;
    struct stat status {};
    // One that is gone again is the next look's.
    if (::stat(PathOf(name).c_str(), &status) != 0 && errno == ENOENT) continue;
    Examine(name);
    PublishIfDue();
  }
  Publish();
}

// Reads the file where it is not what was read last.
void ZoneDirectory::Examine(const std::string& name) {
  File& file = files_[name];
  struct stat status {};
  if (::stat(PathOf(name).c_str(), &status) != 0) {
    const std::string error = fmt::format("{}: {}", PathOf(name), std::strerror(errno));
    file.stamp = {};
    if (file.error != error) MarkBad(file, State::kBad, error);
    return;
  }
  const FileStamp stamp = FileStamp::Of(status);
  file.missing_since.reset();
  if (file.stamp == stamp) return;
  file.stamp = stamp;
  if (!S_ISREG(status.st_mode)) {
    // Whatever comes and goes in it, a directory say: told once.
    std::string error = fmt::format("{}: is not a file", PathOf(name));
    if (file.error != error) MarkBad(file, State::kBad, std::move(error));
    return;
  }
  Load(name, file);
}

void ZoneDirectory::Load(const std::string& name, File& file) {
  const auto apex = ZoneLoader::NameOfFile(name);
  if (!apex) {
    return MarkBad(file, State::kBad, fmt::format("{}: {}", PathOf(name), apex.error()));
  }
  const auto [owner, fresh] = file_of_.try_emplace(KeyOf(*apex), name);
  if (!fresh && owner->second != name) {
    return MarkBad(file, State::kSecond,
                   fmt::format("{}: {} is read from {} already: remove one of the two files",
                               PathOf(name), apex->ToString(), PathOf(owner->second)));
  }
  auto loaded = loader_.LoadFile(PathOf(name));
  if (!loaded) return MarkBad(file, State::kBad, std::move(loaded.error()));
  if (next_ == nullptr) next_ = std::make_shared<ZoneSet>(*store_->zones());
  next_->Put(std::move(loaded->zone));
  SetState(file, State::kServed);
  file.stamp = loaded->stamp;
  file.error.clear();
  store_->loads().Add();
}

void ZoneDirectory::MarkBad(File& file, State state, std::string error) {
  store_->load_errors().Add();
  SetState(file, state);
  file.error = std::move(error);
  uint64_t suppressed = 0;
  if (!limiter_.Allow(clock_.Now(), &suppressed)) return;
  LogError("zones", "{}{}", file.error,
           suppressed == 0 ? "" : fmt::format(" ({} more such lines were left out)", suppressed));
}

void ZoneDirectory::SetState(File& file, State state) {
  bad_files_ += (state != State::kServed ? 1u : 0u);
  bad_files_ -= (file.state != State::kServed ? 1u : 0u);
  file.state = state;
}

void ZoneDirectory::ForgetMissing(const std::vector<std::string>& present) {
  const MonoTime now = clock_.Now();
  const auto patience = MonoTime::FromSeconds(kMissingIntervals * store_->settings().interval_s);
  std::vector<std::string> gone;
  for (auto& [name, file] : files_) {
    if (std::binary_search(present.begin(), present.end(), name)) continue;
    if (!file.missing_since) file.missing_since = now;
    if (now - *file.missing_since >= patience) gone.push_back(name);
  }
  for (const std::string& name : gone) Forget(name);
}

// Another file for the same zone takes its place.
void ZoneDirectory::Forget(const std::string& name) {
  if (const auto found = files_.find(name); found != files_.end()) {
    SetState(found->second, State::kServed);
    files_.erase(found);
  }
  const auto apex = ZoneLoader::NameOfFile(name);
  if (!apex) return;
  const auto owner = file_of_.find(KeyOf(*apex));
  if (owner == file_of_.end() || owner->second != name) return;
  const std::string key = owner->first;
  file_of_.erase(owner);
  for (auto& [other, file] : files_) {
    if (file.state != State::kSecond) continue;
    const auto its_apex = ZoneLoader::NameOfFile(other);
    if (!its_apex || KeyOf(*its_apex) != key) continue;
    Load(other, file);
    if (file.state == State::kServed) return;
  }
  if (next_ == nullptr) next_ = std::make_shared<ZoneSet>(*store_->zones());
  if (next_->Remove(key)) LogInfo("zones", "{}: gone, and its zone with it", PathOf(name));
}

void ZoneDirectory::SetDirectoryProblem(std::string problem) {
  if (problem == directory_problem_) return;
  directory_problem_ = std::move(problem);
  if (directory_problem_.empty()) {
    LogInfo("zones", "directory {}: can be read again", store_->settings().path);
    return;
  }
  store_->load_errors().Add();
  LogError("zones", "{}: the {} zones held stay", directory_problem_, store_->zones()->size());
}

void ZoneDirectory::PublishIfDue() {
  if (looked_ && next_ != nullptr && clock_.Now() - published_ >= kPublishEvery) Publish();
}

void ZoneDirectory::Publish() {
  ZoneStatus status{
      .looked = looked_, .zones = 0, .bad_files = bad_files_, .problem = directory_problem_};
  if (next_ != nullptr) {
    // What is published must not change: the next change makes a copy.
    store_->Publish(std::shared_ptr<const ZoneSet>(std::move(next_)));
    next_.reset();
  }
  if (bad_files_ > 0 && status.problem.empty()) {
    const auto bad = std::ranges::find_if(
        files_, [](const auto& entry) { return entry.second.state != State::kServed; });
    status.problem = bad->second.error;
  }
  status.zones = store_->zones()->size();
  store_->SetStatus(std::move(status));
  store_->FreeRetired();
  published_ = clock_.Now();
}

}  // namespace breakwater
