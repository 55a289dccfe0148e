#include "proxy/net/kernel_map.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

bpf_map_type TypeOf(KernelMap::Kind kind) {
  return kind == KernelMap::Kind::kRanges ? BPF_MAP_TYPE_LPM_TRIE : BPF_MAP_TYPE_HASH;
}

TextResult<UniqueFd> Make(const KernelMap::Shape& shape, uint32_t max_items) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  if (shape.kind == KernelMap::Kind::kRanges) options.map_flags = BPF_F_NO_PREALLOC;  // it must
  const int fd = bpf_map_create(TypeOf(shape.kind), shape.name, shape.key_size, shape.value_size,
                                max_items, &options);
  if (fd >= 0) return UniqueFd(fd);
  return Fail(KernelRefusal(fmt::format("make a map of {} entries", max_items), -fd));
}

TextResult<void> Pin(int fd, const std::string& path) {
  const int result = bpf_obj_pin(fd, path.c_str());
  if (result == 0) return {};
  const std::string_view advice =
      result == -EPERM || result == -EINVAL || result == -ENOENT
          ? ": the directory must be there, in a BPF file system (mount -t bpf bpf /sys/fs/bpf)"
          : "";
  return Fail(fmt::format("cannot pin a map at '{}': {}{}", path, std::strerror(-result), advice));
}

// Null fd where nothing is pinned there.
TextResult<UniqueFd> Pinned(const KernelMap::Shape& shape, const KernelMapSettings& settings) {
  const int found = bpf_obj_get(settings.pinned_path.c_str());
  if (found == -ENOENT) return UniqueFd();
  if (found < 0) {
    return Fail(fmt::format("cannot open the map pinned at '{}': {}", settings.pinned_path,
                            std::strerror(-found)));
  }
  UniqueFd fd(found);
  bpf_map_info info{};
  uint32_t length = sizeof(info);
  const int told = bpf_obj_get_info_by_fd(fd.get(), &info, &length);
  if (told != 0 || info.type != TypeOf(shape.kind) || info.key_size != shape.key_size ||
      info.value_size != shape.value_size) {
    return Fail(fmt::format(
        "what is pinned at '{}' is no map of this kind (keys of {} octets and values of {} are "
        "wanted, it has {} and {}): remove it, or name another path",
        settings.pinned_path, shape.key_size, shape.value_size, info.key_size, info.value_size));
  }
  return fd;
}

}  // namespace

std::string KernelRefusal(std::string_view what, int error) {
  std::string_view advice = "";
  if (error == EPERM || error == EACCES) {
    advice =
        ": this process needs CAP_BPF (before Linux 5.8: CAP_SYS_ADMIN) for it; start it as root, "
        "and where the user is changed (-u) on a kernel before 5.19, keep it: "
        "addCapabilitiesToRetain(\"CAP_BPF\")";
  } else if (error == ENOSYS) {
    advice = ": it is built without bpf(2); leave the filter out";
  } else if (error == ENOMEM || error == E2BIG) {
    advice = ": ask for fewer entries";
  } else if (error == EINVAL) {
    advice = ": filters need Linux 5.3 or newer";
  }
  return fmt::format("the kernel did not {}: {}{}", what, std::strerror(error), advice);
}

TextResult<KernelMap> KernelMap::Open(const Shape& shape, const KernelMapSettings& settings) {
  KernelMap map;
  map.key_size_ = shape.key_size;
  map.value_size_ = shape.value_size;
  map.max_items_ = settings.max_items;
  if (!settings.pinned_path.empty()) {
    auto pinned = Pinned(shape, settings);
    if (!pinned) return Fail(pinned.error());
    map.fd_ = std::move(*pinned);
  }
  if (!map.fd_.valid()) {
    auto made = Make(shape, settings.max_items);
    if (!made) return Fail(made.error());
    map.fd_ = std::move(*made);
    if (settings.pinned_path.empty()) return map;
    if (auto pinned = Pin(map.fd(), settings.pinned_path); !pinned) return Fail(pinned.error());
    return map;
  }
  bpf_map_info info{};
  uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(map.fd(), &info, &length) == 0 &&
      info.max_entries != settings.max_items) {
    LogWarning("setup",
               "the map pinned at '{}' has room for {} entries, {} are asked for: it stays"
               " as it is until it is removed",
               settings.pinned_path, info.max_entries, settings.max_items);
    map.max_items_ = info.max_entries;
  }
  return map;
}

int KernelMap::Put(std::span<const uint8_t> key, std::span<const uint8_t> value,
                   Write write) const {
  const uint64_t flags = write == Write::kNew ? BPF_NOEXIST : BPF_ANY;
  const int error = -bpf_map_update_elem(fd(), key.data(), value.data(), flags);
  return error == E2BIG ? ENOSPC : error;  // a hash says the one, a trie the other
}

int KernelMap::Get(std::span<const uint8_t> key, std::span<uint8_t> value) const {
  return -bpf_map_lookup_elem(fd(), key.data(), value.data());
}

int KernelMap::Remove(std::span<const uint8_t> key) const {
  return -bpf_map_delete_elem(fd(), key.data());
}

void KernelMap::ForEach(const Visit& visit) const {
  if (!valid()) return;
  std::vector<uint8_t> key(key_size_);
  std::vector<uint8_t> next(key_size_);
  std::vector<uint8_t> value(value_size_);
  const void* from = nullptr;
  for (uint32_t seen = 0; seen < max_items_; ++seen) {
    if (bpf_map_get_next_key(fd(), from, next.data()) != 0) return;
    key.swap(next);
    from = key.data();
    if (Get(key, value) == 0) visit(key, value);
  }
}

}  // namespace breakwater
