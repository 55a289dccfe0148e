#include "proxy/dns/transfer_progress.h"

#include "proxy/base/byte_writer.h"
#include "proxy/dns/header.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::dns {
namespace {

// Two names of at least one octet, then five numbers of which the serial is the first.
constexpr size_t kSoaNumbers = 20;

std::optional<uint32_t> SerialOf(std::span<const uint8_t> message, const Record& record) {
  if (record.rdata_length < kSoaNumbers + 2) return std::nullopt;
  return LoadU32(message.data() + record.end() - kSoaNumbers);
}

// RFC 1982.
bool IsNewer(uint32_t serial, uint32_t than) {
  return static_cast<int32_t>(serial - than) > 0;
}

}  // namespace

std::optional<TransferProgress> TransferProgress::Of(std::span<const uint8_t> query,
                                                     const Question& question) {
  if (question.type != Type::kAxfr && question.type != Type::kIxfr) return std::nullopt;
  if (ConstHeader(query.data()).opcode() != Opcode::kQuery) return std::nullopt;
  TransferProgress progress(question.type);
  RecordWalker walker(query, question.end());
  while (question.type == Type::kIxfr && walker.Next()) {
    const Record& record = walker.record();
    if (record.section != Section::kAuthority || record.type != Type::kSoa) continue;
    progress.client_serial_ = SerialOf(query, record);
    break;
  }
  return progress;
}

TransferProgress::State TransferProgress::Take(std::span<const uint8_t> message) {
  const auto start = RecordsStart(message);
  if (!start) return State::kBroken;
  if (ConstHeader(message.data()).rcode() != RCode::kNoError) return State::kOver;
  const bool first_message = stage_ == Stage::kFirst;
  RecordWalker walker(message, *start);
  while (walker.Next() && walker.record().section == Section::kAnswer) {
    if (walker.record().type != Type::kSoa) {
      TakeOther();
      continue;
    }
    const auto serial = SerialOf(message, walker.record());
    if (!serial) return State::kBroken;
    TakeSoa(*serial);
  }
  if (!walker.ok()) return State::kBroken;
  if (stage_ == Stage::kFirst) return State::kOver;  // no record at all
  // One SOA alone answers an IXFR where the client has that version already.
  const bool alone = first_message && stage_ == Stage::kSecond && type_ == Type::kIxfr;
  if (alone && !(client_serial_ && IsNewer(serial_, *client_serial_))) return State::kOver;
  return stage_ == Stage::kOver ? State::kOver : State::kMore;
}

void TransferProgress::TakeSoa(uint32_t serial) {
  switch (stage_) {
    case Stage::kFirst:
      serial_ = serial;
      stage_ = Stage::kSecond;
      return;
    case Stage::kSecond:
      stage_ = type_ == Type::kIxfr && serial != serial_ ? Stage::kDeletions : Stage::kOver;
      return;
    case Stage::kDeletions:
      stage_ = Stage::kAdditions;
      return;
    case Stage::kAdditions:
      stage_ = serial == serial_ ? Stage::kOver : Stage::kDeletions;
      return;
    case Stage::kWhole:
    case Stage::kOver:
      stage_ = Stage::kOver;
      return;
  }
}

void TransferProgress::TakeOther() {
  // An answer that does not begin with an SOA is no transfer, whatever it is.
  if (stage_ == Stage::kFirst) stage_ = Stage::kOver;
  if (stage_ == Stage::kSecond) stage_ = Stage::kWhole;
}

}  // namespace breakwater::dns
