#include "proxy/dns/recoder.h"

#include <algorithm>
#include <cstring>

#include "proxy/dns/rdata_names.h"

namespace breakwater::dns {
namespace {

constexpr size_t kMaxMessageSize = 65535;

bool MayCompressRdata(Type type) {
  const auto number = static_cast<uint16_t>(type);
  return (number >= 2 && number <= 9) || number == 12 || number == 14 || number == 15;
}

}  // namespace

Recoder::Recoder(const EditBuffer& source, size_t question_end)
    : source_(source.message()),
      question_end_(question_end),
      out_(std::min(source.capacity, kMaxMessageSize)),
      writer_(out_) {}

void Recoder::WriteQuestion(const Name& name) {
  writer_.Bytes(source_.first(kHeaderSize));
  names_.Write(writer_, name);
  writer_.Bytes(source_.subspan(question_end_ - 4, 4));
  counts_[0] = 1;
}

Result<void> Recoder::WriteRecord(const Record& record, const Name& owner) {
  names_.Write(writer_, owner);
  writer_.U16(static_cast<uint16_t>(record.type));
  writer_.U16(static_cast<uint16_t>(record.cls));
  writer_.U32(record.ttl);
  const size_t length_at = writer_.offset();
  writer_.U16(record.rdata_length);
  if (const auto written = WriteRdata(record); !written) return written;
  if (writer_.ok()) {
    const size_t length = writer_.offset() - length_at - 2;
    StoreU16(out_.data() + length_at, static_cast<uint16_t>(length));
  }
  ++counts_[static_cast<size_t>(record.section)];
  return Ok();
}

Result<void> Recoder::WriteRdata(const Record& record) {
  const RdataNames where = CompressibleNames(record.type);
  size_t at = record.rdata_offset;
  // Empty RDATA stands in UPDATE messages (RFC 2136, 2.5) for any type.
  if (where.names != 0 && record.rdata_length != 0) {
    if (where.prefix > record.rdata_length) return Fail(Error::kTruncated);
    writer_.Bytes(source_.subspan(at, where.prefix));
    at += where.prefix;
    for (int i = 0; i < where.names; ++i) {
      size_t end = 0;
      const auto name = Name::FromMessage(source_, at, &end);
      if (!name) return Fail(name.error());
      if (end > record.end()) return Fail(Error::kTruncated);
      if (MayCompressRdata(record.type)) {
        names_.Write(writer_, *name);
      } else {
        writer_.Bytes(name->wire());
      }
      at = end;
    }
  }
  writer_.Bytes(source_.subspan(at, record.end() - at));
  return Ok();
}

Result<void> Recoder::Finish(EditBuffer& target, size_t records_end) {
  writer_.Bytes(source_.subspan(records_end));
  if (!writer_.ok()) return Fail(Error::kNoSpace);
  Header header(out_.data());
  for (size_t i = 0; i < counts_.size(); ++i) {
    header.set_count(static_cast<Section>(i), counts_[i]);
  }
  std::memcpy(target.data, out_.data(), writer_.offset());
  target.size = writer_.offset();
  return Ok();
}

}  // namespace breakwater::dns
