#include "proxy/dns/record_walker.h"

#include "proxy/dns/question.h"

namespace breakwater::dns {

RecordWalker::RecordWalker(std::span<const uint8_t> message, size_t question_end)
    : reader_(message, question_end) {
  if (message.size() < kHeaderSize) {
    MarkBad(Error::kTruncated);
    return;
  }
  const Header header = ConstHeader(message.data());
  for (size_t i = 0; i < 4; ++i) left_[i] = header.count(static_cast<Section>(i));
  if (left_[0] > 1) MarkBad(Error::kBadCount);
}

bool RecordWalker::Next() {
  if (!reader_.ok()) return false;
  size_t section = 1;
  while (section < 4 && left_[section] == 0) ++section;
  if (section == 4) return false;
  record_.section = static_cast<Section>(section);
  record_.owner_offset = reader_.offset();
  if (reader_.remaining() == 0) {
    MarkBad(Error::kBadCount);
    return false;
  }
  SkipName();
  record_.type = static_cast<Type>(reader_.U16());
  record_.cls = static_cast<Class>(reader_.U16());
  record_.ttl_offset = reader_.offset();
  record_.ttl = reader_.U32();
  record_.rdata_length = reader_.U16();
  record_.rdata_offset = reader_.offset();
  reader_.Skip(record_.rdata_length);
  --left_[section];
  return reader_.ok();
}

void RecordWalker::SkipName() {
  const size_t start = reader_.offset();
  while (reader_.ok()) {
    const uint8_t first = reader_.U8();
    if (first == 0) return;  // the root, or nothing left: then the reader says so
    if (first >= 0xc0) {
      const size_t target = static_cast<size_t>(first & 0x3f) << 8 | reader_.U8();
      if (target >= start || target < kHeaderSize) MarkBad(Error::kBadPointer);
      return;
    }
    if (first > kMaxLabelLength) return MarkBad(Error::kBadLabel);
    reader_.Skip(first);
    if (reader_.offset() - start >= kMaxNameLength) return MarkBad(Error::kNameTooLong);
  }
}

void RecordWalker::MarkBad(Error error) {
  if (reader_.ok()) error_ = error;
  reader_.MarkBad();
}

Result<Name> RecordWalker::OwnerName() const {
  size_t end = 0;
  return Name::FromMessage(reader_.whole(), record_.owner_offset, &end);
}

Result<size_t> RecordsStart(std::span<const uint8_t> message) {
  if (message.size() < kHeaderSize) return Fail(Error::kTruncated);
  const uint16_t questions = ConstHeader(message.data()).count(Section::kQuestion);
  if (questions == 0) return kHeaderSize;
  if (questions > 1) return Fail(Error::kBadCount);
  const auto question = ParseQuestion(message);
  if (!question) return Fail(question.error());
  return question->end();
}

Result<size_t> RecordsEnd(std::span<const uint8_t> message, size_t question_end) {
  RecordWalker walker(message, question_end);
  while (walker.Next()) continue;
  if (!walker.ok()) return Fail(walker.error());
  return walker.end_offset();
}

}  // namespace breakwater::dns
