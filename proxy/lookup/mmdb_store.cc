#include "proxy/lookup/mmdb_store.h"

#include <fmt/format.h>
#include <maxminddb.h>

#include "proxy/base/address.h"
#include "proxy/base/text.h"
#include "proxy/lookup/file_copy.h"
#include "proxy/lookup/file_store.h"

namespace breakwater {
namespace {

class MmdbImage {
 public:
  // `path_to_value` are the names of maps and the numbers in lists that lead to the value.
  explicit MmdbImage(std::vector<std::string> path_to_value)
      : path_to_value_(std::move(path_to_value)) {
    for (const std::string& step : path_to_value_) steps_.push_back(step.c_str());
    steps_.push_back(nullptr);
  }
  ~MmdbImage() {
    if (open_) MMDB_close(&mmdb_);
  }
  TextResult<void> Map(const std::string& path) {
    const auto fail = [&](const std::string& why) {
      return Fail(fmt::format("cannot open the MMDB file \"{}\": {}", path, why));
    };
    auto copy = CopyIntoMemory(path);
    if (!copy) return fail(copy.error());
    // The library takes a path, and maps what is there.
    const std::string memory = fmt::format("/proc/self/fd/{}", copy->get());
    const int status = MMDB_open(memory.c_str(), MMDB_MODE_MMAP, &mmdb_);
    open_ = status == MMDB_SUCCESS;
    if (open_) return {};
    return fail(status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR ? std::strerror(errno)
                                                                          : MMDB_strerror(status));
  }

  bool Find(KeyValueStore::Key key, KeyValueStore::Visitor visit, bool* damaged) const {
    const Address address = Address::FromRaw(key);
    if (!address.IsSet() || (address.IsV6() && mmdb_.metadata.ip_version == 4)) return false;
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&mmdb_, address.sockaddr_ptr(), &error);
    *damaged = error != MMDB_SUCCESS;
    if (error != MMDB_SUCCESS || !found.found_entry) return false;
    MMDB_entry_data_s data{};
    const int status = MMDB_aget_value(&found.entry, &data, steps_.data());
    *damaged = status != MMDB_SUCCESS && status != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR;
    return status == MMDB_SUCCESS && data.has_data && Tell(data, visit);
  }

 private:
  static bool Tell(const MMDB_entry_data_s& data, KeyValueStore::Visitor visit) {
    std::array<char, 64> text;
    const auto number = [&](const auto& value) {
      const auto end = fmt::format_to_n(text.data(), text.size(), "{}", value).out;
      visit({text.data(), static_cast<size_t>(end - text.data())});
      return true;
    };
    switch (data.type) {
      case MMDB_DATA_TYPE_UTF8_STRING:
        visit({data.utf8_string, data.data_size});
        return true;
      case MMDB_DATA_TYPE_BYTES:
        visit({reinterpret_cast<const char*>(data.bytes), data.data_size});
        return true;
      case MMDB_DATA_TYPE_UINT16:
        return number(data.uint16);
      case MMDB_DATA_TYPE_UINT32:
        return number(data.uint32);
      case MMDB_DATA_TYPE_INT32:
        return number(data.int32);
      case MMDB_DATA_TYPE_UINT64:
        return number(data.uint64);
      case MMDB_DATA_TYPE_DOUBLE:
        return number(data.double_value);
      case MMDB_DATA_TYPE_FLOAT:
        return number(data.float_value);
      case MMDB_DATA_TYPE_BOOLEAN:
        return number(data.boolean);
      default:
        return false;  // maps and lists are no single value
    }
  }

  std::vector<std::string> path_to_value_;
  std::vector<const char*> steps_;
  MMDB_s mmdb_{};
  bool open_ = false;
};

}  // namespace

TextResult<KeyValueStorePtr> OpenMmdbStore(const MmdbStoreOptions& options) {
  std::vector<std::string> steps;
  for (const std::string_view step : Split(options.value, '.')) {
    if (step.empty()) {
      return Fail(fmt::format("\"{}\" names no value: it must be like \"country.iso_code\"",
                              options.value));
    }
    steps.emplace_back(step);
  }
  return FileStore<MmdbImage>::Open(
      {.path = options.path, .kind = "MMDB", .refresh_s = options.refresh_s},
      [steps](const std::string& path) -> TextResult<std::shared_ptr<const MmdbImage>> {
        auto image = std::make_shared<MmdbImage>(steps);
        if (auto mapped = image->Map(path); !mapped) return Fail(std::move(mapped.error()));
        return image;
      });
}

}  // namespace breakwater
