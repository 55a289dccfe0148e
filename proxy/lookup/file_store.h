// A store whose file is replaced as a whole: an image of it is opened, used by all, and dropped
// when a newer one has been opened. An image is a copy in memory: put a new file in place by a
// rename, for a look at one that is being written over may find a broken one, which is not used.
//
//   Image: static TextResult<std::shared_ptr<const Image>> Open(const std::string& path);
//          bool Find(KeyValueStore::Key, KeyValueStore::Visitor, bool* damaged) const;
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/lookup/key_value_store.h"
#include "proxy/lookup/stripes.h"

namespace breakwater {

// What tells one content of a path from another.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};
// Nothing where it cannot be looked at; errno says why.
std::optional<FileStamp> StampOf(const std::string& path);

struct FileStoreOptions {
  std::string path;
  std::string kind;        // "CDB"
  uint32_t refresh_s = 0;  // the helper looks for a newer file so often; 0: never
};

template <typename Image>
class FileStore final : public KeyValueStore {
 public:
  using Opener = std::function<TextResult<std::shared_ptr<const Image>>(const std::string& path)>;

  static TextResult<KeyValueStorePtr> Open(FileStoreOptions options, Opener opener) {
    const auto stamp = StampOf(options.path);
    auto image = opener(options.path);
    if (!image) return Fail(std::move(image.error()));
    return std::make_shared<FileStore>(std::move(options), std::move(opener),
                                       std::pair(stamp.value_or(FileStamp()), std::move(*image)));
  }
  FileStore(FileStoreOptions options, Opener opener,
            std::pair<FileStamp, std::shared_ptr<const Image>> first)
      : options_(std::move(options)), opener_(std::move(opener)), seen_(first.first) {
    Use(first.second);
  }

  bool Find(Key key, Visitor visit) const override {
    return images_.With([&](const std::shared_ptr<const Image>& image) {
      bool damaged = false;
      const bool found = image->Find(key, visit, &damaged);
      if (damaged) lookup_errors_.Add();
      return found;
    });
  }
  bool Reload() override {
    return seen_.With([&](FileStamp& seen) { return ReloadIfChanged(seen); });
  }
  void Tend(MonoTime now) override {
    if (options_.refresh_s == 0 || now < next_look_) return;
    next_look_ = now + MonoTime::FromSeconds(options_.refresh_s);
    Reload();
  }
  std::string ToString() const override {
    return fmt::format("{} \"{}\"", options_.kind, options_.path);
  }

 private:
  void Use(const std::shared_ptr<const Image>& image) {
    images_.ForEach([&](std::shared_ptr<const Image>& mine) { mine = image; });
  }
  bool ReloadIfChanged(FileStamp& seen) {
    const auto stamp = StampOf(options_.path);
    if (stamp && *stamp == seen) return false;
    auto image = stamp ? opener_(options_.path)
                       : TextResult<std::shared_ptr<const Image>>(Fail(fmt::format(
                             "cannot open \"{}\": {}", options_.path, std::strerror(errno))));
    const bool told_before = !stamp && seen == FileStamp();
    seen = stamp.value_or(FileStamp());
    if (image) {
      Use(*image);
      loads_.Add();
      return true;
    }
    load_errors_.Add();
    if (!told_before) {
      LogError("lookup", "{}; what was read before stays in use", image.error());
    }
    return false;
  }

  const FileStoreOptions options_;
  const Opener opener_;
  Guarded<FileStamp> seen_;
  MonoTime next_look_;  // of the helper thread
  mutable Stripes<std::shared_ptr<const Image>> images_;
};

}  // namespace breakwater
