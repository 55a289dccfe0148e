#include "proxy/zone/loader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ldns/ldns.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "proxy/base/byte_writer.h"
#include "proxy/base/text.h"
#include "proxy/base/unique_fd.h"
#include "proxy/dns/rdata_names.h"
#include "proxy/zone/zone_builder.h"
#include "proxy/zone/zone_text.h"

namespace breakwater {
namespace {

using dns::Type;

constexpr std::string_view kSuffix = ".zone";
constexpr uint32_t kDefaultTtl = 3600;    // where a file says nothing, as NSD has it
constexpr uint64_t kMaxTtl = 0x7fffffff;  // RFC 2181, 8
constexpr off_t kMaxFile = off_t{2} << 30;

struct FreeRdf {
  void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
};
struct FreeRr {
  void operator()(ldns_rr* rr) const { ldns_rr_free(rr); }
};
using RdfPtr = std::unique_ptr<ldns_rdf, FreeRdf>;
using RrPtr = std::unique_ptr<ldns_rr, FreeRr>;

tl::unexpected<ZoneError> Bad(uint32_t line, std::string text) {
  return tl::unexpected<ZoneError>(ZoneError{line, std::move(text)});
}

std::optional<uint64_t> SecondsOf(char unit) {
  switch (unit) {
    case 's':
    case 'S':
      return 1;
    case 'm':
    case 'M':
      return 60;
    case 'h':
    case 'H':
      return 3600;
    case 'd':
    case 'D':
      return 86400;
    case 'w':
    case 'W':
      return 604800;
    default:
      return std::nullopt;
  }
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// "3600" or "1h30m"; nothing where the word is no time at all. Too long a time is over kMaxTtl.
std::optional<uint64_t> ParseTtl(std::string_view word) {
  if (word.empty() || !IsDigit(word[0])) return std::nullopt;
  uint64_t sum = 0, number = 0;
  for (const char c : word) {
    if (IsDigit(c)) {
      number = std::min<uint64_t>(number * 10 + static_cast<uint64_t>(c - '0'), uint64_t{1} << 40);
      continue;
    }
    const auto unit = SecondsOf(c);
    if (!unit) return std::nullopt;
    sum += number * *unit;
    number = 0;
  }
  return std::min(sum + number, kMaxTtl + 1);
}

bool IsClass(std::string_view word) {
  return EqualsIgnoreCase(word, "IN") || EqualsIgnoreCase(word, "CH") ||
         EqualsIgnoreCase(word, "HS") ||
         (word.size() > 5 && EqualsIgnoreCase(word.substr(0, 5), "CLASS") && IsDigit(word[5]));
}

// Names in RDATA where their type says so, to the last octet.
bool NamesAreSound(Type type, std::span<const uint8_t> rdata) {
  const dns::RdataNames where = dns::CompressibleNames(type);
  if (where.names == 0) return true;
  size_t at = where.prefix;
  for (int i = 0; i < where.names; ++i) {
    size_t end = 0;
    if (at >= rdata.size() || !dns::Name::FromMessage(rdata, at, &end)) return false;
    at = end;
  }
  return type != Type::kSoa || rdata.size() == at + 20;
}

}  // namespace

FileStamp FileStamp::Of(const struct stat& status) {
  const auto ns = [](const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified_ns = ns(status.st_mtim),
          .changed_ns = ns(status.st_ctim)};
}

class ZoneLoader::Parser {
 public:
  ZoneResult<ZonePtr> Parse(const dns::Name& apex, std::string_view text);
  std::string& file_text() { return file_text_; }

 private:
  struct Head {
    uint32_t ttl = 0;
    Type type{};
    size_t rdata = 0;  // the number of its first word
  };
  ZoneResult<void> Take(const ZoneEntry& entry);
  ZoneResult<void> TakeDirective(const ZoneEntry& entry);
  ZoneResult<void> TakeRecord(const ZoneEntry& entry);
  ZoneResult<Head> ReadHead(const ZoneEntry& entry);
  ZoneResult<void> AddRecord(const ldns_rr& rr, const Head& head, uint32_t line);
  void ComposeLine(const ZoneEntry& entry, const Head& head);

  ZoneBuilder builder_;
  RdfPtr origin_;
  RdfPtr owner_;                         // of the record before
  std::optional<uint32_t> default_ttl_;  // $TTL
  std::optional<uint32_t> last_ttl_;     // RFC 1035, 5.1: else the last one stated
  std::string line_;
  std::vector<uint8_t> rdata_;
  std::string file_text_;
};

ZoneResult<ZonePtr> ZoneLoader::Parser::Parse(const dns::Name& apex, std::string_view text) {
  builder_.Begin(apex);
  origin_.reset(ldns_dname_new_frm_data(static_cast<uint16_t>(apex.length()), apex.wire().data()));
  owner_.reset();
  default_ttl_.reset();
  last_ttl_.reset();
  ZoneText entries(text);
  while (entries.Next()) {
    if (auto taken = Take(entries.entry()); !taken) return tl::unexpected(taken.error());
  }
  if (!entries.error().empty()) return Bad(entries.line(), entries.error());
  return builder_.Build();
}

ZoneResult<void> ZoneLoader::Parser::Take(const ZoneEntry& entry) {
  if (!entry.inherits_owner && entry.words[0][0] == '$') return TakeDirective(entry);
  return TakeRecord(entry);
}

ZoneResult<void> ZoneLoader::Parser::TakeDirective(const ZoneEntry& entry) {
  const std::string_view word = entry.words[0];
  if (EqualsIgnoreCase(word, "$TTL") && entry.words.size() == 2) {
    const auto ttl = ParseTtl(entry.words[1]);
    if (!ttl || *ttl > kMaxTtl) {
      return Bad(entry.line, fmt::format("'{}' is no time to live", entry.words[1]));
    }
    default_ttl_ = static_cast<uint32_t>(*ttl);
    return {};
  }
  if (EqualsIgnoreCase(word, "$ORIGIN") && entry.words.size() == 2) {
    const std::string name(entry.words[1]);
    RdfPtr origin(name == "@" ? ldns_rdf_clone(origin_.get())
                              : ldns_dname_new_frm_str(name.c_str()));
    if (origin == nullptr) return Bad(entry.line, fmt::format("'{}' is no name", name));
    if (name != "@" && !ldns_dname_str_absolute(name.c_str()) &&
        ldns_dname_cat(origin.get(), origin_.get()) != LDNS_STATUS_OK) {
      return Bad(entry.line, fmt::format("'{}' is too long a name with its origin", name));
    }
    origin_ = std::move(origin);
    return {};
  }
  if (EqualsIgnoreCase(word, "$INCLUDE") || EqualsIgnoreCase(word, "$GENERATE")) {
    return Bad(entry.line, fmt::format("{} is not read here: put the records into the file", word));
  }
  return Bad(entry.line, fmt::format("directive '{}' is unknown or does not have one value", word));
}

// TTL and class in either order, each may be left out (RFC 1035, 5.1).
ZoneResult<ZoneLoader::Parser::Head> ZoneLoader::Parser::ReadHead(const ZoneEntry& entry) {
  Head head;
  size_t at = entry.inherits_owner ? 0 : 1;
  bool has_class = false;
  std::optional<uint32_t> ttl;
  for (; at < entry.words.size(); ++at) {
    const std::string_view word = entry.words[at];
    if (const auto seconds = ParseTtl(word); seconds && !ttl) {
      if (*seconds > kMaxTtl) return Bad(entry.line, fmt::format("TTL '{}' is too long", word));
      ttl = static_cast<uint32_t>(*seconds);
    } else if (IsClass(word) && !has_class) {
      has_class = true;
      if (!EqualsIgnoreCase(word, "IN")) {
        return Bad(entry.line, fmt::format("class {}: IN alone is served", word));
      }
    } else {
      break;
    }
  }
  if (at == entry.words.size()) return Bad(entry.line, "the type is missing");
  const std::string type(entry.words[at]);
  const auto number = static_cast<uint16_t>(ldns_get_rr_type_by_name(type.c_str()));
  if (number == 0) return Bad(entry.line, fmt::format("unknown type '{}'", type));
  if (number == static_cast<uint16_t>(Type::kOpt) || (number >= 128 && number <= 255)) {
    return Bad(entry.line, fmt::format("{} is no type of records in a zone", type));
  }
  head.type = static_cast<Type>(number);
  head.rdata = at + 1;
  if (ttl) last_ttl_ = ttl;
  head.ttl = ttl.value_or(default_ttl_.value_or(last_ttl_.value_or(kDefaultTtl)));
  return head;
}

// One line as ldns understands it best: it wants the TTL before the class, and strings in CAA
// records within quotes.
void ZoneLoader::Parser::ComposeLine(const ZoneEntry& entry, const Head& head) {
  line_.clear();
  if (!entry.inherits_owner) line_ += entry.words[0];
  fmt::format_to(std::back_inserter(line_), " {} IN {}", head.ttl, entry.words[head.rdata - 1]);
  const bool unknown_form = head.rdata < entry.words.size() && entry.words[head.rdata] == "\\#";
  for (size_t i = head.rdata; i < entry.words.size(); ++i) {
    const bool quote =
        head.type == Type::kCaa && !unknown_form && i == head.rdata + 2 && entry.words[i][0] != '"';
    line_ += ' ';
    if (quote) line_ += '"';
    line_ += entry.words[i];
    if (quote) line_ += '"';
  }
}

ZoneResult<void> ZoneLoader::Parser::TakeRecord(const ZoneEntry& entry) {
  const auto head = ReadHead(entry);
  if (!head) return tl::unexpected(head.error());
  if (entry.inherits_owner && owner_ == nullptr) {
    return Bad(entry.line, "the first record has no name");
  }
  ComposeLine(entry, *head);
  ldns_rr* made = nullptr;
  ldns_rdf* previous = owner_.release();
  const ldns_status status =
      ldns_rr_new_frm_str(&made, line_.c_str(), head->ttl, origin_.get(), &previous);
  owner_.reset(previous);
  if (status != LDNS_STATUS_OK) {
    return Bad(entry.line, fmt::format("{} record: {}", dns::TypeName(head->type),
                                       ldns_get_errorstr_by_id(status)));
  }
  const RrPtr rr(made);
  return AddRecord(*rr, *head, entry.line);
}

ZoneResult<void> ZoneLoader::Parser::AddRecord(const ldns_rr& rr, const Head& head, uint32_t line) {
  const ldns_rdf* owner = ldns_rr_owner(&rr);
  const auto name = dns::Name::FromWire({ldns_rdf_data(owner), ldns_rdf_size(owner)});
  if (!name) return Bad(line, fmt::format("the record's name: {}", ErrorText(name.error())));
  rdata_.clear();
  for (size_t i = 0; i < ldns_rr_rd_count(&rr); ++i) {
    const ldns_rdf* part = ldns_rr_rdf(&rr, i);
    if (part == nullptr) return Bad(line, "a part of the record's data is missing");
    rdata_.insert(rdata_.end(), ldns_rdf_data(part), ldns_rdf_data(part) + ldns_rdf_size(part));
  }
  if (rdata_.size() > 65535) return Bad(line, "the record's data is longer than 65,535 octets");
  if (!NamesAreSound(head.type, rdata_)) return Bad(line, "a name in the record's data is unsound");
  return builder_.Add({.owner = *name, .type = head.type, .ttl = head.ttl, .rdata = rdata_}, line);
}

ZoneLoader::ZoneLoader() : parser_(std::make_unique<Parser>()) {}
ZoneLoader::~ZoneLoader() = default;

TextResult<dns::Name> ZoneLoader::NameOfFile(std::string_view file_name) {
  if (!file_name.ends_with(kSuffix) || file_name.size() == kSuffix.size()) {
    return Fail(fmt::format("'{}' is not NAME.zone", file_name));
  }
  return dns::Name::Parse(file_name.substr(0, file_name.size() - kSuffix.size()));
}

TextResult<ZonePtr> ZoneLoader::Parse(const dns::Name& apex, std::string_view text,
                                      const std::string& source) {
  auto zone = parser_->Parse(apex, text);
  if (zone) return std::move(*zone);
  const ZoneError& error = zone.error();
  if (error.line == 0) return Fail(fmt::format("{}: {}", source, error.text));
  return Fail(fmt::format("{}:{}: {}", source, error.line, error.text));
}

namespace {

// The file's text; its status is that of the moment in which the reading ended.
TextResult<FileStamp> ReadFile(const std::string& path, std::string* text) {
  const auto fail = [&path] { return Fail(fmt::format("{}: {}", path, std::strerror(errno))); };
  // A pipe must not hold us up.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail();
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail();
  if (!S_ISREG(status.st_mode)) return Fail(fmt::format("{}: is not a file", path));
  if (status.st_size > kMaxFile) return Fail(fmt::format("{}: is larger than 2 GB", path));
  text->resize(static_cast<size_t>(status.st_size) + 1);
  size_t size = 0;
  while (true) {
    if (size == text->size()) text->resize(size * 2);
    const ssize_t got = ::read(fd.get(), text->data() + size, text->size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail();
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text->resize(size);
  return FileStamp::Of(status);
}

}  // namespace

TextResult<LoadedZone> ZoneLoader::LoadFile(const std::string& path) {
  const size_t slash = path.rfind('/');
  const auto name = NameOfFile(std::string_view(path).substr(slash + 1));
  if (!name) return Fail(fmt::format("{}: {}", path, name.error()));
  const auto stamp = ReadFile(path, &parser_->file_text());
  if (!stamp) return Fail(stamp.error());
  auto zone = Parse(*name, parser_->file_text(), path);
  if (!zone) return Fail(std::move(zone.error()));
  return LoadedZone{std::move(*zone), *stamp};
}

}  // namespace breakwater
