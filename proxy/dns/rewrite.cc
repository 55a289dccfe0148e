#include "proxy/dns/rewrite.h"

#include <algorithm>
#include <cstring>

#include "proxy/dns/header.h"
#include "proxy/dns/rdata_names.h"
#include "proxy/dns/recoder.h"

namespace breakwater::dns {
namespace {

constexpr size_t kMaxMessageSize = 65535;

bool Holds(std::span<const Type> types, Type type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool IsSignature(const Record& record) {
  return record.section == Section::kAdditional &&
         (record.type == Type::kTsig || record.type == Type::kSig);
}

// Types whose RDATA holds no names, so that it may be moved as it is.
bool IsPlain(Type type) {
  switch (static_cast<uint16_t>(type)) {
    case 1:
    case 10:
    case 11:
    case 13:
    case 16:
    case 19:
    case 20:
    case 22:
    case 25:
    case 27:
    case 28:
    case 29:
    case 37:
    case 41:
    case 42:
    case 43:
    case 44:
    case 48:
    case 49:
    case 50:
    case 51:
    case 52:
    case 53:
    case 59:
    case 60:
    case 61:
    case 62:
    case 63:
    case 99:
    case 104:
    case 105:
    case 106:
    case 108:
    case 109:
    case 256:
    case 257:
    case 32768:
    case 32769:
      return true;
    default:
      return false;
  }
}

// Offsets and counts of a message that ChangeName may shift without looking at its records.
bool HasNoNamesBehindQuestion(std::span<const uint8_t> message, const Edns& edns) {
  const Header header = ConstHeader(message.data());
  return header.count(Section::kAnswer) == 0 && header.count(Section::kAuthority) == 0 &&
         header.count(Section::kAdditional) == (edns.present ? 1 : 0);
}

Result<void> ReplaceQuestionName(EditBuffer& buffer, size_t old_length, const Name& name) {
  const size_t size = buffer.size - old_length + name.length();
  if (size > std::min(buffer.capacity, kMaxMessageSize)) return Fail(Error::kNoSpace);
  uint8_t* at = buffer.data + kHeaderSize;
  std::memmove(at + name.length(), at + old_length, buffer.size - kHeaderSize - old_length);
  std::memcpy(at, name.wire().data(), name.length());
  buffer.size = size;
  return Ok();
}

}  // namespace

Result<void> LimitTtls(std::span<uint8_t> message, size_t question_end, const TtlLimits& limits) {
  return VisitTtls(message, question_end, [&](const Record& record) {
    if (!limits.types.empty() && record.cls == Class::kIn && !Holds(limits.types, record.type)) {
      return record.ttl;
    }
    const uint32_t ttl = std::min(std::max(record.ttl, limits.min), limits.max);
    return ttl == 0 ? record.ttl : ttl;
  });
}

Result<void> ReduceTtls(std::span<uint8_t> message, size_t question_end, unsigned percent) {
  return VisitTtls(message, question_end, [&](const Record& record) {
    const auto ttl = static_cast<uint32_t>(uint64_t{record.ttl} * std::min(percent, 100u) / 100);
    return ttl == 0 ? record.ttl : ttl;
  });
}

Result<std::optional<uint32_t>> LowestTtl(std::span<const uint8_t> message, size_t question_end) {
  std::optional<uint32_t> lowest;
  RecordWalker walker(message, question_end);
  while (walker.Next()) {
    if (walker.record().type == Type::kOpt) return lowest;
    lowest = std::min(lowest.value_or(UINT32_MAX), walker.record().ttl);
  }
  if (!walker.ok()) return Fail(walker.error());
  return lowest;
}

Result<bool> ClearRecordTypes(EditBuffer& buffer, size_t question_end,
                              std::span<const Type> types) {
  bool any = false;
  bool movable = true;
  RecordWalker look(buffer.message(), question_end);
  while (look.Next()) {
    const Record& record = look.record();
    if (Holds(types, record.type)) {
      any = true;
    } else if (CompressibleNames(record.type).names != 0 || IsSignature(record)) {
      movable = false;
    }
  }
  if (!look.ok()) return Fail(look.error());
  if (!any) return false;
  if (!movable) return Fail(Error::kUnsupported);

  const auto start = RecordsStart(buffer.message());
  if (!start || *start != question_end || question_end == kHeaderSize) {
    return Fail(Error::kBadCount);
  }
  const auto name =
      Name::FromWire(buffer.message().subspan(kHeaderSize, question_end - 4 - kHeaderSize));
  if (!name) return Fail(name.error());
  Recoder recoder(buffer, question_end);
  recoder.WriteQuestion(*name);
  RecordWalker walker(buffer.message(), question_end);
  while (walker.Next()) {
    if (Holds(types, walker.record().type)) continue;
    const auto owner = walker.OwnerName();
    if (!owner) return Fail(owner.error());
    if (const auto written = recoder.WriteRecord(walker.record(), *owner); !written) {
      return Fail(written.error());
    }
  }
  if (const auto done = recoder.Finish(buffer, walker.end_offset()); !done) {
    return Fail(done.error());
  }
  return true;
}

Result<void> ChangeName(EditBuffer& buffer, const Question& question, const Name& name,
                        const ChangeNameOptions& options) {
  const auto edns = FindEdns(buffer.message(), question.end());
  if (!edns) return Fail(edns.error());
  if (HasNoNamesBehindQuestion(buffer.message(), *edns)) {
    return ReplaceQuestionName(buffer, question.name_length, name);
  }
  const auto old = Name::FromWire(buffer.message().subspan(kHeaderSize, question.name_length));
  if (!old) return Fail(old.error());
  Recoder recoder(buffer, question.end());
  recoder.WriteQuestion(name);
  RecordWalker walker(buffer.message(), question.end());
  while (walker.Next()) {
    const Record& record = walker.record();
    const bool known = IsPlain(record.type) || CompressibleNames(record.type).names != 0;
    if (!known || IsSignature(record)) return Fail(Error::kUnsupported);
    const auto owner = walker.OwnerName();
    if (!owner) return Fail(owner.error());
    const bool renamed = options.owners && *owner == *old;
    const auto written = recoder.WriteRecord(record, renamed ? name : *owner);
    if (!written) return written;
  }
  if (!walker.ok()) return Fail(walker.error());
  return recoder.Finish(buffer, walker.end_offset());
}

Result<void> SetTrailingData(EditBuffer& buffer, size_t question_end,
                             std::span<const uint8_t> data) {
  const auto end = RecordsEnd(buffer.message(), question_end);
  if (!end) return Fail(end.error());
  if (data.size() > buffer.capacity - *end) return Fail(Error::kNoSpace);
  std::copy(data.begin(), data.end(), buffer.data + *end);
  buffer.size = *end + data.size();
  return Ok();
}

void DropRecords(EditBuffer& buffer, size_t question_end, const DropOptions& options) {
  Header header(buffer.data);
  size_t size = std::min(question_end, buffer.size);
  uint16_t additional = 0;
  if (options.keep_opt) {
    const auto edns = FindEdns(buffer.message(), question_end);
    if (edns && edns->present) {
      const size_t length = edns->end() - edns->offset;
      std::memmove(buffer.data + size, buffer.data + edns->offset, length);
      size += length;
      additional = 1;
    }
  }
  header.set_count(Section::kAnswer, 0);
  header.set_count(Section::kAuthority, 0);
  header.set_count(Section::kAdditional, additional);
  buffer.size = size;
}

void TruncateAnswer(EditBuffer& buffer, size_t question_end) {
  DropRecords(buffer, question_end, DropOptions{});
  Header(buffer.data).Set(kFlagTc, true);
}

}  // namespace breakwater::dns
