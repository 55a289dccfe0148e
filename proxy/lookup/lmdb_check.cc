// The format is that of liblmdb 0.9 on machines of 64 bits, numbers in their byte order. A page
// begins with 16 octets: its number (8), padding (2), flags (2), and the ends of the list of
// nodes and of the free room (2 each), or the number of pages where it begins a long value (4).
#include "proxy/lookup/lmdb_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

constexpr size_t kPageHeader = 16;
constexpr size_t kNodeHeader = 8;
constexpr size_t kDatabaseRecord = 48;
constexpr size_t kMetaSize = 4 + 4 + 8 + 8 + 2 * kDatabaseRecord + 8 + 8;
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint64_t kNoPage = ~uint64_t{0};
constexpr unsigned kMostDepth = 32;
// Flags of pages, nodes and databases.
constexpr uint16_t kBranch = 0x01, kLeaf = 0x02, kOverflow = 0x04, kMeta = 0x08;
constexpr uint16_t kPageKind = kBranch | kLeaf | kOverflow | kMeta | 0x20 /* fixed-size keys */;
constexpr uint16_t kBigData = 0x01, kSubDatabase = 0x02, kDuplicates = 0x04;
constexpr uint16_t kDupSort = 0x04, kIntegerKey = 0x08;

template <typename T>
T Get(std::span<const uint8_t> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

struct Database {
  uint16_t flags = 0;
  uint16_t depth = 0;
  uint64_t entries = 0;
  uint64_t root = kNoPage;
};
Database DatabaseFrom(std::span<const uint8_t> record) {
  return {.flags = Get<uint16_t>(record, 4),
          .depth = Get<uint16_t>(record, 6),
          .entries = Get<uint64_t>(record, 32),
          .root = Get<uint64_t>(record, 40)};
}

struct Meta {
  uint32_t page_size = 0;
  uint64_t last_page = 0;
  uint64_t transaction = 0;
  Database main;
};
std::optional<Meta> MetaAt(std::span<const uint8_t> file, size_t at) {
  if (at + kPageHeader + kMetaSize > file.size()) return std::nullopt;
  if ((Get<uint16_t>(file, at + 10) & kMeta) == 0) return std::nullopt;
  const auto meta = file.subspan(at + kPageHeader, kMetaSize);
  if (Get<uint32_t>(meta, 0) != kMagic || Get<uint32_t>(meta, 4) != 1) return std::nullopt;
  return Meta{.page_size = Get<uint32_t>(meta, 24),
              .last_page = Get<uint64_t>(meta, 24 + 2 * kDatabaseRecord),
              .transaction = Get<uint64_t>(meta, 24 + 2 * kDatabaseRecord + 8),
              .main = DatabaseFrom(meta.subspan(24 + kDatabaseRecord, kDatabaseRecord))};
}

// The newer of the two; an error where one of them cannot be used.
TextResult<Meta> NewestMeta(std::span<const uint8_t> file) {
  const auto first = MetaAt(file, 0);
  if (!first) return Fail(std::string("it is no LMDB file"));
  const uint32_t size = first->page_size;
  if (size < 512 || size > 65536 || (size & (size - 1)) != 0) {
    return Fail(fmt::format("it is damaged: pages of {} octets", size));
  }
  const auto second = MetaAt(file, size);
  if (!second || second->page_size != size) {
    return Fail(std::string("it is damaged: the second page describes no LMDB file"));
  }
  const bool second_is_newer = second->transaction > first->transaction;
  const Meta& newest = second_is_newer ? *second : *first;
  const bool in_its_place = (newest.transaction & 1) == (second_is_newer ? 1 : 0);
  if (!in_its_place && newest.transaction != 0) {
    return Fail(std::string("it is damaged: its transactions are out of order"));
  }
  return newest;
}

class Walk {
 public:
  Walk(std::span<const uint8_t> file, const Meta& meta) : file_(file), meta_(meta) {}

  // Looks at all of a database's pages; the record of the named database in it, if there is one,
  // goes to found().
  TextResult<void> CheckTree(const Database& database, std::string_view name) {
    pages_ = 0;
    name_ = name;
    if (database.root == kNoPage) return {};
    if (database.depth == 0 || database.depth > kMostDepth) return Damaged(database.root, "depth");
    return Tree(database.root, database.depth);
  }
  const std::optional<Database>& found() const { return found_; }

 private:
  static tl::unexpected<std::string> Damaged(uint64_t page, std::string_view what) {
    return Fail(fmt::format("it is damaged: bad {} on page {}", what, page));
  }

  TextResult<void> Tree(uint64_t number, unsigned depth) {
    const auto page = Page(number);
    // A page that is met twice would make the walk endless, or nearly.
    if (page.empty() || ++pages_ > meta_.last_page + 1) return Damaged(number, "page number");
    const uint16_t kind = Get<uint16_t>(page, 10) & kPageKind;
    if (kind != (depth > 1 ? kBranch : kLeaf)) return Damaged(number, "kind");
    const size_t lower = Get<uint16_t>(page, 12), upper = Get<uint16_t>(page, 14);
    if (lower < kPageHeader || lower > upper || upper > page.size()) {
      return Damaged(number, "free room");
    }
    const size_t nodes = (lower - kPageHeader) / 2;
    if (nodes < (depth > 1 ? 2u : 1u)) return Damaged(number, "number of nodes");
    for (size_t i = 0; i < nodes; ++i) {
      const size_t at = Get<uint16_t>(page, kPageHeader + 2 * i);
      if (at < upper || at + kNodeHeader > page.size() || at % 2 != 0) {
        return Damaged(number, "offset of a node");
      }
      auto good =
          depth > 1 ? Branch(page.subspan(at), {number, depth}) : Leaf(page.subspan(at), number);
      if (!good) return good;
    }
    return {};
  }

  struct Place {
    uint64_t page;
    unsigned depth;
  };
  TextResult<void> Branch(std::span<const uint8_t> node, Place place) {
    if (kNodeHeader + Get<uint16_t>(node, 6) > node.size()) return Damaged(place.page, "key");
    const uint64_t child = uint64_t{Get<uint32_t>(node, 0)} | uint64_t{Get<uint16_t>(node, 4)}
                                                                  << 32;
    return Tree(child, place.depth - 1);
  }

  TextResult<void> Leaf(std::span<const uint8_t> node, uint64_t page) {
    const uint64_t size = Get<uint32_t>(node, 0);
    const uint16_t flags = Get<uint16_t>(node, 4);
    const size_t key_size = Get<uint16_t>(node, 6);
    // Of databases with several values a key, which are refused.
    if ((flags & kDuplicates) != 0) return Damaged(page, "kind of an entry");
    const uint64_t here = (flags & kBigData) != 0 ? 8 : size;
    if (kNodeHeader + key_size + here > node.size()) return Damaged(page, "size of an entry");
    const auto key = node.subspan(kNodeHeader, key_size);
    const auto value = node.subspan(kNodeHeader + key_size, here);
    if ((flags & kBigData) != 0) {
      if (!HoldsLongValue(Get<uint64_t>(value, 0), size)) return Damaged(page, "long value");
    } else if ((flags & kSubDatabase) != 0) {
      if (size != kDatabaseRecord) return Damaged(page, "database record");
      if (name_.empty()) return {};
      if (AsText(key) == name_ && found_) return Damaged(page, "second database of the name");
      if (AsText(key) == name_) found_ = DatabaseFrom(value);
    }
    return {};
  }

  bool HoldsLongValue(uint64_t number, uint64_t size) const {
    const auto page = Page(number);
    if (page.empty() || (Get<uint16_t>(page, 10) & kPageKind) != kOverflow) return false;
    const uint64_t pages = Get<uint32_t>(page, 12);
    return pages != 0 && pages <= meta_.last_page - number + 1 &&
           size <= pages * meta_.page_size - kPageHeader;
  }

  // Empty where there is no such page. The file has the last page whole: CheckLmdb saw to that.
  std::span<const uint8_t> Page(uint64_t number) const {
    if (number < 2 || number > meta_.last_page) return {};
    return file_.subspan(number * meta_.page_size, meta_.page_size);
  }

  std::span<const uint8_t> file_;
  const Meta& meta_;
  std::string_view name_;
  std::optional<Database> found_;
  uint64_t pages_ = 0;
};

TextResult<void> CheckFlags(const Database& database, std::string_view name) {
  if ((database.flags & (kDupSort | kIntegerKey)) == 0) return {};
  return Fail(fmt::format(
      "its database \"{}\" has several values a key, or integer keys: make it without", name));
}

}  // namespace

TextResult<LmdbChecked> CheckLmdb(std::span<const uint8_t> file, std::string_view name) {
  const auto meta = NewestMeta(file);
  if (!meta) return Fail(meta.error());
  if (meta->last_page < 1 || meta->last_page >= file.size() / meta->page_size) {
    return Fail(fmt::format("it is cut off: it should have {} pages of {} octets",
                            meta->last_page + 1, meta->page_size));
  }
  Walk walk(file, *meta);
  if (auto good = CheckFlags(meta->main, ""); !good) return Fail(std::move(good.error()));
  if (auto good = walk.CheckTree(meta->main, name); !good) return Fail(std::move(good.error()));
  if (name.empty()) return LmdbChecked{meta->transaction, meta->main.entries};
  const auto database = walk.found();
  if (!database) return Fail(fmt::format("it has no database \"{}\"", name));
  if (auto good = CheckFlags(*database, name); !good) return Fail(std::move(good.error()));
  if (auto good = walk.CheckTree(*database, {}); !good) return Fail(std::move(good.error()));
  return LmdbChecked{meta->transaction, database->entries};
}

uint64_t LastLmdbTransaction(std::span<const uint8_t> file) {
  const auto meta = NewestMeta(file);
  return meta ? meta->transaction : 0;
}

}  // namespace breakwater
