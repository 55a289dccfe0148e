#include "proxy/backend/drill_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/byte_writer.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/rdata_names.h"
#include "proxy/dns/record_walker.h"
#include "proxy/dns/types.h"

namespace breakwater {
namespace {

// One record as it is compared: names folded and in full. Sorted by these bytes.
struct Item {
  std::string key;
  std::string text;  // "www.example.org. A", for people
  bool operator<(const Item& other) const { return key < other.key; }
  bool operator==(const Item& other) const { return key == other.key; }
};

struct Summary {
  unsigned rcode = 0;
  bool authoritative = false;
  std::vector<Item> answer{};
  std::vector<Item> soa{};       // owners
  std::vector<Item> referral{};  // NS of the authority section
};

std::string_view Chars(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The data with its names in full; false where they are not sound.
bool AppendData(std::span<const uint8_t> message, const dns::Record& record, std::string& out) {
  const dns::RdataNames names = dns::CompressibleNames(record.type);
  size_t at = record.rdata_offset;
  if (names.names > 0) {
    if (record.rdata_length < names.prefix) return false;
    out.append(Chars(message.subspan(at, names.prefix)));
    at += names.prefix;
  }
  for (unsigned i = 0; i < names.names; ++i) {
    const auto name = dns::Name::FromMessage(message, at, &at);
    if (!name || at > record.end()) return false;
    out += name->FoldedKey();
  }
  out.append(Chars(message.subspan(at, record.end() - at)));
  return true;
}

// RFC 4034, 3.1: type covered, algorithm and labels; original TTL and two dates, which do not
// count; key tag and signer; the signature.
bool AppendSignature(std::span<const uint8_t> message, const dns::Record& record,
                     std::string& out) {
  constexpr size_t kSignedFor = 4;
  constexpr size_t kKeyTag = 16;
  constexpr size_t kSigner = 18;
  if (record.rdata_length < kSigner) return false;
  size_t end = 0;
  const auto signer = dns::Name::FromMessage(message, record.rdata_offset + kSigner, &end);
  if (!signer || end > record.end()) return false;
  out.append(Chars(message.subspan(record.rdata_offset, kSignedFor)));
  out.append(Chars(message.subspan(record.rdata_offset + kKeyTag, kSigner - kKeyTag)));
  out += signer->FoldedKey();
  return true;
}

// Strings in quotes, as in a zone file; what is long is cut.
std::string TextsText(std::span<const uint8_t> data) {
  constexpr size_t kLongest = 100;
  std::string text;
  for (size_t at = 0; at < data.size() && text.size() < kLongest; at += 1u + data[at]) {
    const size_t length = std::min<size_t>(data[at], data.size() - at - 1);
    text += " \"";
    for (const uint8_t c : data.subspan(at + 1, length)) {
      if (text.size() >= kLongest) return text + "...";
      if (c == '"' || c == '\\') text += '\\';
      text +=
          c >= 0x20 && c < 0x7f ? std::string(1, static_cast<char>(c)) : fmt::format("\\{:03}", c);
    }
    text += '"';
  }
  return text;
}

// RFC 3597, 5; what is long is cut.
std::string BytesText(std::span<const uint8_t> data) {
  constexpr size_t kMost = 32;
  std::string text = fmt::format(" \\# {} ", data.size());
  for (const uint8_t byte : data.first(std::min(data.size(), kMost))) {
    text += fmt::format("{:02x}", byte);
  }
  return data.size() > kMost ? text + "..." : text;
}

// Of an address or a text that; else the numbers and the name that it begins with, or its bytes.
std::string DataText(std::span<const uint8_t> message, const dns::Record& record) {
  const auto data = message.subspan(record.rdata_offset, record.rdata_length);
  const bool address = (record.type == dns::Type::kA && data.size() == 4) ||
                       (record.type == dns::Type::kAaaa && data.size() == 16);
  if (address) return " " + Address::FromRaw(data).ToString();
  if (record.type == dns::Type::kTxt) return TextsText(data);
  const dns::RdataNames names = dns::CompressibleNames(record.type);
  if (names.names == 0 || record.rdata_length < names.prefix) return BytesText(data);
  size_t end = 0;
  const auto name = dns::Name::FromMessage(message, record.rdata_offset + names.prefix, &end);
  if (!name || end > record.end()) return BytesText(data);
  const auto number = [&](size_t at) {
    return static_cast<unsigned>(data[at]) << 8 | data[at + 1];
  };
  std::string text;
  if (names.prefix > 6) {  // a signature: of what, and by which key
    text = fmt::format(" {} {}", dns::TypeName(static_cast<dns::Type>(number(0))),
                       number(names.prefix - 2u));
  } else {
    for (size_t at = 0; at + 2 <= names.prefix; at += 2) text += fmt::format(" {}", number(at));
  }
  return text + " " + name->ToString();
}

bool AddRecord(std::span<const uint8_t> message, const dns::RecordWalker& walker,
               Summary& summary) {
  const dns::Record& record = walker.record();
  const bool answer = record.section == dns::Section::kAnswer;
  const bool soa = record.section == dns::Section::kAuthority && record.type == dns::Type::kSoa;
  const bool ns = record.section == dns::Section::kAuthority && record.type == dns::Type::kNs;
  if (!answer && !soa && !ns) return true;
  const auto owner = walker.OwnerName();
  if (!owner) return false;
  Item item{.key = owner->FoldedKey(),
            .text = fmt::format("{} {}", owner->Folded().ToString(), dns::TypeName(record.type))};
  for (const unsigned value :
       {static_cast<unsigned>(record.type), static_cast<unsigned>(record.cls)}) {
    item.key += static_cast<char>(value >> 8);
    item.key += static_cast<char>(value);
  }
  if (!soa || answer) {
    const bool sound = record.type == dns::Type::kRrsig ? AppendSignature(message, record, item.key)
                                                        : AppendData(message, record, item.key);
    if (!sound) return false;
    item.text += DataText(message, record);
  }
  (answer ? summary.answer : soa ? summary.soa : summary.referral).push_back(std::move(item));
  return true;
}

void MakeSet(std::vector<Item>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

std::optional<Summary> Summarize(std::span<const uint8_t> message) {
  if (message.size() < dns::kHeaderSize) return std::nullopt;
  const dns::Header header = dns::ConstHeader(message.data());
  const auto start = dns::RecordsStart(message);
  if (!start || !header.Has(dns::kFlagQr)) return std::nullopt;
  const auto edns = dns::FindEdns(message, *start);
  if (!edns) return std::nullopt;
  Summary summary{.rcode = static_cast<unsigned>(header.rcode()) |
                           static_cast<unsigned>(edns->extended_rcode) << 4,
                  .authoritative = header.Has(dns::kFlagAa)};
  dns::RecordWalker walker(message, *start);
  while (walker.Next()) {
    if (!AddRecord(message, walker, summary)) return std::nullopt;
  }
  if (!walker.ok()) return std::nullopt;
  for (auto* items : {&summary.answer, &summary.soa, &summary.referral}) MakeSet(*items);
  return summary;
}

// What the one has and the other has not: the first of it, and how many there are.
std::string Missing(const std::vector<Item>& have, const std::vector<Item>& lack,
                    std::string_view whose) {
  std::vector<Item> only;
  std::set_difference(have.begin(), have.end(), lack.begin(), lack.end(), std::back_inserter(only));
  if (only.empty()) return {};
  const std::string more = only.size() == 1 ? "" : fmt::format(" and {} more", only.size() - 1);
  return fmt::format("only {} has {}{}", whose, only.front().text, more);
}

std::optional<std::string> SetDifference(const std::vector<Item>& first,
                                         const std::vector<Item>& standby) {
  if (first == standby) return std::nullopt;
  const std::string one = Missing(first, standby, "the first tier");
  const std::string other = Missing(standby, first, "the standby");
  return one.empty() || other.empty() ? one + other : one + ", " + other;
}

}  // namespace

bool IsComparable(std::span<const uint8_t> answer) {
  return Summarize(answer) && !dns::ConstHeader(answer.data()).Has(dns::kFlagTc);
}

std::optional<std::string> DifferenceOf(std::span<const uint8_t> first,
                                        std::span<const uint8_t> standby) {
  const auto a = Summarize(first);
  const auto b = Summarize(standby);
  if (!a) return "the first tier's answer is malformed";
  if (!b) return "the standby's answer is malformed";
  const auto rcode = [](unsigned value) { return dns::RCodeName(static_cast<dns::RCode>(value)); };
  if (a->rcode != b->rcode) {
    return fmt::format("the first tier says {}, the standby {}", rcode(a->rcode), rcode(b->rcode));
  }
  if (auto difference = SetDifference(a->answer, b->answer)) return difference;
  if (a->authoritative != b->authoritative) {
    return fmt::format("only {} answers with authority (AA)",
                       a->authoritative ? "the first tier" : "the standby");
  }
  if (!a->answer.empty()) return std::nullopt;
  if (auto difference = SetDifference(a->soa, b->soa)) return difference;
  // Beside a SOA, or of a server with authority, NS are a courtesy.
  if (!a->soa.empty() || a->authoritative) return std::nullopt;
  return SetDifference(a->referral, b->referral);
}

}  // namespace breakwater
