// Input: operation, spare room, option code, data length, data, message. Whatever the edit, the
// records beside the OPT and the bytes behind the last record stay; an edit that fails changes
// nothing.
#include "proxy/dns/edns.h"

#include "proxy/base/text.h"
#include "tests/fuzz/check.h"
#include "tests/proxy/dns/records.h"

using namespace breakwater;
using namespace breakwater::dns;
using fuzz::Require;

namespace {

struct Contents {
  std::vector<std::string> records;  // without the OPT
  std::vector<std::pair<uint16_t, std::string>> options;
  std::string trailing;
  bool has_opt = false;
};

Contents Read(std::span<const uint8_t> message, size_t start) {
  Contents contents;
  contents.records = test::DescribeRecords(message, start);
  std::erase_if(contents.records,
                [](const std::string& line) { return line.find(" OPT ") != std::string::npos; });
  RecordWalker walker(message, start);
  while (walker.Next()) continue;
  contents.trailing = std::string(AsText(message.subspan(walker.end_offset())));
  const auto edns = FindEdns(message, start);
  Require(edns.has_value(), "still sound");
  contents.has_opt = edns->present;
  ForEachOption(message, *edns, [&](OptionCode code, std::span<const uint8_t> data) {
    contents.options.emplace_back(static_cast<uint16_t>(code), std::string(AsText(data)));
    return true;
  });
  return contents;
}

enum class Edit { kAddOpt, kSet, kAppend, kRemove, kRemoveOpt, kKeep };

struct Wish {
  Edit edit{};
  OptionCode code{};
  std::vector<uint8_t> data;
};

Result<void> Apply(EditBuffer& buffer, size_t start, const Wish& wish) {
  switch (wish.edit) {
    case Edit::kAddOpt:
      return AddOpt(buffer, {.extended_rcode = 3, .dnssec_ok = true});
    case Edit::kSet:
      return SetOption(buffer, start, wish.code, wish.data);
    case Edit::kAppend:
      return AppendOption(buffer, start, wish.code, wish.data);
    case Edit::kRemove:
      return RemoveOption(buffer, start, wish.code);
    case Edit::kRemoveOpt:
      return RemoveOpt(buffer, start);
    case Edit::kKeep:
      return KeepOptions(buffer, start, [&](OptionCode code, auto data) {
        return code == wish.code || data.empty();
      });
  }
  return Ok();
}

// What the options should be after.
Contents Expected(Contents contents, const Wish& wish) {
  const auto code = static_cast<uint16_t>(wish.code);
  const auto is_code = [&](const auto& option) { return option.first == code; };
  auto& options = contents.options;
  if (wish.edit == Edit::kSet || wish.edit == Edit::kRemove) std::erase_if(options, is_code);
  if (wish.edit == Edit::kKeep) std::erase_if(options, [&](const auto& o) { return !is_code(o); });
  if (wish.edit == Edit::kSet || wish.edit == Edit::kAppend) {
    options.emplace_back(code, std::string(AsText(wish.data)));
  }
  if (wish.edit == Edit::kRemoveOpt) options.clear();
  if (wish.edit == Edit::kAddOpt || wish.edit == Edit::kSet) contents.has_opt = true;
  if (wish.edit == Edit::kRemoveOpt) contents.has_opt = false;
  return contents;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  Wish wish;
  wish.edit = static_cast<Edit>(input.Byte() % 6);
  const size_t spare = input.Byte();
  wish.code = static_cast<OptionCode>(input.Byte());
  const size_t length = input.Byte();
  const auto option = input.Take(length);
  wish.data.assign(option.begin(), option.end());
  const std::vector<uint8_t> before = input.Rest();
  const auto start = RecordsStart(before);
  if (!start) return 0;
  std::vector<uint8_t> room = before;
  room.resize(before.size() + spare);
  EditBuffer buffer{room.data(), before.size(), room.size()};
  const auto edited = Apply(buffer, *start, wish);
  Require(buffer.size <= room.size(), "within the room");
  room.resize(buffer.size);
  if (!edited) {
    Require(room == before, "a failed edit changes nothing");
    return 0;
  }
  const Contents wanted = Expected(Read(before, *start), wish);
  const Contents got = Read(room, *start);
  Require(got.records == wanted.records, "other records stay");
  Require(got.trailing == wanted.trailing, "trailing bytes stay");
  Require(got.options == wanted.options, "options");
  Require(got.has_opt == wanted.has_opt, "OPT");
  return 0;
}
