// Input: operation, spare room, a name's length, the name, message.
#include "proxy/dns/rewrite.h"

#include <algorithm>

#include "proxy/base/text.h"
#include "tests/fuzz/check.h"
#include "tests/proxy/dns/records.h"

using namespace breakwater;
using namespace breakwater::dns;
using fuzz::Require;
using Bytes = std::vector<uint8_t>;

namespace {

const Type kCleared[] = {Type::kAaaa, Type::kTxt, Type::kCname};

bool Same(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return AsText(a) == AsText(b);
}

size_t StartOf(const Bytes& message) {
  const auto start = RecordsStart(message);
  Require(start.has_value(), "question stays sound");
  return *start;
}

// Room with `spare` bytes behind; cut to the edited size by Finish().
struct Work {
  Work(const Bytes& message, size_t spare) : room(message), edit{nullptr, message.size(), 0} {
    room.resize(message.size() + spare);
    edit.data = room.data();
    edit.capacity = room.size();
  }
  const Bytes& Finish() {
    Require(edit.size <= room.size(), "within the room");
    room.resize(edit.size);
    return room;
  }
  Bytes room;
  EditBuffer edit;
};

void CheckChangeName(const Bytes& before, size_t spare, const Name& name, bool owners) {
  const auto question = ParseQuestion(before);
  if (!question) return;
  Work work(before, spare);
  const auto changed = ChangeName(work.edit, *question, name, {.owners = owners});
  const Bytes& after = work.Finish();
  if (!changed) return Require(after == before, "a failed change changes nothing");
  const auto asked = ParseQuestion(after);
  Require(asked && asked->type == question->type && asked->cls == question->cls, "type and class");
  Require(Same(std::span(after).subspan(kHeaderSize, asked->name_length), name.wire()), "new name");
  Require(Same(std::span(after).first(4), std::span(before).first(4)), "ID and flags");
  const Name old = *Name::FromWire(std::span(before).subspan(kHeaderSize, question->name_length));
  RecordWalker was(before, question->end());
  RecordWalker is(after, asked->end());
  while (was.Next()) {
    Require(is.Next(), "no record is lost");
    const auto owner = was.OwnerName();
    Require(owner.has_value(), "only sound owners are moved");
    const bool renamed = owners && *owner == old;
    Require(is.OwnerName() && *is.OwnerName() == (renamed ? name : *owner), "owner");
    Require(is.record().section == was.record().section && is.record().type == was.record().type &&
                is.record().cls == was.record().cls && is.record().ttl == was.record().ttl,
            "record");
    Require(test::DescribeRdata(after, is.record()) == test::DescribeRdata(before, was.record()),
            "RDATA");
  }
  Require(was.ok() && !is.Next() && is.ok(), "no record is added");
  Require(
      Same(std::span(after).subspan(is.end_offset()), std::span(before).subspan(was.end_offset())),
      "trailing bytes");
}

void CheckClear(const Bytes& before, size_t spare) {
  Work work(before, spare);
  const size_t start = StartOf(before);
  const auto cleared = ClearRecordTypes(work.edit, start, kCleared);
  const Bytes& after = work.Finish();
  if (!cleared || !*cleared) return Require(after == before, "nothing cleared, nothing changed");
  auto wanted = test::DescribeRecords(before, start);
  std::erase_if(wanted, [](const std::string& line) {
    return line.find(" AAAA ") != std::string::npos || line.find(" TXT ") != std::string::npos ||
           line.find(" CNAME ") != std::string::npos;
  });
  Require(test::DescribeRecords(after, StartOf(after)) == wanted, "only those types go");
}

void CheckTtls(const Bytes& before) {
  Bytes after = before;
  const size_t start = StartOf(before);
  const auto limited = LimitTtls(after, start, {.min = 5, .max = 100});
  RecordWalker walker(before, start);
  bool behind_opt = false;
  while (walker.Next()) {
    const Record& record = walker.record();
    behind_opt = behind_opt || record.type == Type::kOpt;
    const uint32_t ttl = LoadU32(after.data() + record.ttl_offset);
    Require(behind_opt ? ttl == record.ttl : ttl == std::clamp(record.ttl, 5u, 100u), "TTL");
    StoreU32(after.data() + record.ttl_offset, record.ttl);
  }
  Require(limited || !walker.ok(), "sound messages can be limited");
  Require(after == before, "nothing but TTLs");
}

void CheckTrailing(const Bytes& before, size_t spare, std::span<const uint8_t> tail) {
  Work work(before, spare);
  const size_t start = StartOf(before);
  const auto end = RecordsEnd(before, start);
  const auto set = SetTrailingData(work.edit, start, tail);
  const Bytes& after = work.Finish();
  if (!set) return Require(after == before, "a failed change changes nothing");
  Require(end && Same(std::span(after).first(*end), std::span(before).first(*end)), "records");
  Require(Same(std::span(after).subspan(*end), tail), "trailing bytes");
}

void CheckTruncate(const Bytes& before) {
  Work work(before, 0);
  const size_t start = StartOf(before);
  const auto edns = FindEdns(before, start);
  TruncateAnswer(work.edit, start);
  const Bytes& after = work.Finish();
  Require(Same(std::span(after).subspan(kHeaderSize, start - kHeaderSize),
               std::span(before).subspan(kHeaderSize, start - kHeaderSize)),
          "question");
  Require(ConstHeader(after.data()).Has(kFlagTc), "TC");
  const auto left = FindEdns(after, start);
  Require(left && left->present == (edns && edns->present), "OPT stays");
  Require(after.size() == (left->present ? left->end() : start), "nothing else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t operation = input.Byte();
  const size_t spare = input.Byte();
  const size_t length = input.Byte();
  const auto taken = input.Take(length);
  const auto name = Name::FromWire(taken);
  const Bytes before = input.Rest();
  if (!RecordsStart(before)) return 0;
  switch (operation % 6) {
    case 0:
    case 1:
      CheckChangeName(before, spare, name.value_or(Name()), operation % 6 == 1);
      break;
    case 2:
      CheckClear(before, spare);
      break;
    case 3:
      CheckTtls(before);
      break;
    case 5:
      CheckTrailing(before, spare, taken);
      break;
    default:
      CheckTruncate(before);
  }
  return 0;
}
