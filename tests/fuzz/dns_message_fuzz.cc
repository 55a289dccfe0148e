// A message as anybody may send it: what question, walker and EDNS say must agree.
#include "proxy/dns/edns.h"
#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"
#include "proxy/dns/rewrite.h"
#include "proxy/dns/transfer_progress.h"
#include "tests/fuzz/check.h"

using namespace breakwater;
using namespace breakwater::dns;
using fuzz::Require;

namespace {

void CheckQuestion(std::span<const uint8_t> message, const Question& question) {
  Require(question.end() <= message.size(), "question ends in the message");
  size_t end = 0;
  const auto name = Name::FromMessage(message, kHeaderSize, &end);
  Require(name && end == question.end() - 4, "question and name agree");
  Require(EqualFold(name->wire(), message.subspan(kHeaderSize, question.name_length)),
          "question's name is uncompressed");
}

void CheckRecords(std::span<const uint8_t> message, size_t start) {
  RecordWalker walker(message, start);
  size_t records = 0;
  size_t opts = 0;
  size_t before = start;
  while (walker.Next()) {
    const Record& record = walker.record();
    Require(record.owner_offset == before && record.owner_offset < record.ttl_offset &&
                record.ttl_offset + 6 == record.rdata_offset && record.end() <= message.size(),
            "records follow each other");
    before = record.end();
    ++records;
    if (record.type == Type::kOpt) ++opts;
    (void)walker.OwnerName();
  }
  const Header header = ConstHeader(message.data());
  const auto edns = FindEdns(message, start);
  if (!walker.ok()) {
    Require(!edns, "EDNS needs sound records");
    return;
  }
  Require(records == size_t{header.count(Section::kAnswer)} + header.count(Section::kAuthority) +
                         header.count(Section::kAdditional),
          "as many records as counted");
  Require(walker.end_offset() == before, "end");
  if (!edns) {
    Require(opts > 0, "without an OPT there is no bad one");
    return;
  }
  Require(opts == (edns->present ? 1u : 0u), "one OPT or none");
  if (!edns->present) return;
  size_t options = 0;
  ForEachOption(message, *edns, [&](OptionCode, std::span<const uint8_t> data) {
    options += 4 + data.size();
    return true;
  });
  Require(options == edns->options_length && edns->end() <= message.size(), "options fill the OPT");
}

// As the answer to a transfer, whatever came before it.
void CheckTransfer(std::span<const uint8_t> message) {
  static constexpr uint8_t kAxfr[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 252, 0, 1};
  static constexpr uint8_t kIxfr[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 251, 0, 1};
  for (const std::span<const uint8_t> query : {std::span(kAxfr), std::span(kIxfr)}) {
    auto progress = TransferProgress::Of(query, *ParseQuestion(query));
    Require(progress.has_value(), "a query for a transfer");
    bool over = false;
    for (int i = 0; i < 4; ++i) {
      const auto state = progress->Take(message);
      Require(!over || state != TransferProgress::State::kMore, "over stays over");
      over = over || state == TransferProgress::State::kOver;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> message(data, size);
  if (const auto question = ParseQuestion(message)) CheckQuestion(message, *question);
  if (const auto start = RecordsStart(message)) {
    CheckRecords(message, *start);
    (void)LowestTtl(message, *start);
    CheckTransfer(message);
  }
  return 0;
}
