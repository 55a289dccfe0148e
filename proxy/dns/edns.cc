#include "proxy/dns/edns.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/header.h"
#include "proxy/dns/rdata_names.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::dns {
namespace {

constexpr size_t kMaxMessageSize = 65535;
constexpr size_t kOptFixedSize = 11;  // root name, type, class, TTL, RDLENGTH
constexpr size_t kOptionHeaderSize = 4;

// What an edit must know of a message.
struct Layout {
  Edns edns;
  size_t records_end = 0;
  bool is_signed = false;
  bool tail_can_move = true;  // nothing behind the OPT depends on where it stands
};

bool OptionsFit(std::span<const uint8_t> message, const Edns& edns) {
  size_t at = edns.options_offset();
  while (at + kOptionHeaderSize <= edns.end()) {
    at += kOptionHeaderSize + LoadU16(message.data() + at + 2);
  }
  return at == edns.end();
}

// The fixed part of an OPT at `offset`, which was checked to lie in the message.
Edns ReadOpt(const uint8_t* bytes, size_t offset) {
  const uint8_t* opt = bytes + offset;
  Edns edns;
  edns.present = true;
  edns.offset = offset;
  edns.udp_size = LoadU16(opt + 3);
  edns.extended_rcode = opt[5];
  edns.version = opt[6];
  edns.dnssec_ok = (opt[7] & 0x80) != 0;
  edns.options_length = LoadU16(opt + 9);
  return edns;
}

bool NamesLeanOn(const RecordWalker& walker, std::span<const uint8_t> message, size_t from) {
  const Record& record = walker.record();
  if (CompressibleNames(record.type).names != 0) return true;
  size_t at = record.owner_offset;
  while (message[at] != 0 && message[at] < 0xc0) at += 1u + message[at];
  return message[at] >= 0xc0 && (LoadU16(message.data() + at) & 0x3fffu) > from;
}

Result<void> WalkForOpt(std::span<const uint8_t> message, size_t question_end, Layout* layout) {
  RecordWalker walker(message, question_end);
  Edns& edns = layout->edns;
  while (walker.Next()) {
    const Record& record = walker.record();
    if (record.section == Section::kAdditional &&
        (record.type == Type::kTsig || record.type == Type::kSig)) {
      layout->is_signed = true;
    }
    if (record.type == Type::kOpt) {
      if (edns.present || record.section != Section::kAdditional ||
          message[record.owner_offset] != 0) {
        return Fail(Error::kBadOpt);
      }
      edns = ReadOpt(message.data(), record.owner_offset);
      if (!OptionsFit(message, edns)) return Fail(Error::kBadOpt);
    } else if (edns.present && NamesLeanOn(walker, message, edns.offset)) {
      layout->tail_can_move = false;
    }
  }
  if (!walker.ok()) return Fail(walker.error());
  layout->records_end = walker.end_offset();
  return Ok();
}

Result<void> Locate(std::span<const uint8_t> message, size_t question_end, Layout* layout) {
  if (message.size() < question_end || question_end < kHeaderSize) return Fail(Error::kTruncated);
  const uint8_t* bytes = message.data();
  // Nearly every query has no record but an OPT, or none at all.
  if (LoadU16(bytes + 4) <= 1 && LoadU32(bytes + 6) == 0) {
    const uint16_t additional = LoadU16(bytes + 10);
    if (additional == 0) {
      layout->records_end = question_end;
      return Ok();
    }
    const uint8_t* opt = bytes + question_end;
    if (additional == 1 && message.size() - question_end >= kOptFixedSize && opt[0] == 0 &&
        LoadU16(opt + 1) == static_cast<uint16_t>(Type::kOpt)) {
      layout->edns = ReadOpt(bytes, question_end);
      layout->records_end = layout->edns.end();
      if (layout->records_end > message.size()) return Fail(Error::kTruncated);
      if (!OptionsFit(message, layout->edns)) return Fail(Error::kBadOpt);
      return Ok();
    }
  }
  return WalkForOpt(message, question_end, layout);
}

Result<void> LocateForEdit(const EditBuffer& buffer, size_t question_end, Layout* layout) {
  const auto located = Locate(buffer.message(), question_end, layout);
  if (!located) return located;
  if (layout->is_signed || !layout->tail_can_move) return Fail(Error::kUnsupported);
  return Ok();
}

bool HasRoom(const EditBuffer& buffer, size_t removed, size_t added) {
  return buffer.size - removed + added <= std::min(buffer.capacity, kMaxMessageSize);
}

// Makes `added` bytes of the `removed` ones at `at`; HasRoom() was asked. The new bytes are what
// stood there, or not yet written.
void Resize(EditBuffer& buffer, size_t at, size_t removed, size_t added) {
  const size_t behind = at + removed;
  if (removed != added && behind < buffer.size) {
    std::memmove(buffer.data + at + added, buffer.data + behind, buffer.size - behind);
  }
  buffer.size = buffer.size - removed + added;
}

void WriteOption(EditBuffer& buffer, size_t at, OptionCode code, std::span<const uint8_t> data) {
  ByteWriter writer({buffer.data, buffer.size}, at);
  writer.U16(static_cast<uint16_t>(code));
  writer.U16(static_cast<uint16_t>(data.size()));
  writer.Bytes(data);
}

Result<void> InsertOpt(EditBuffer& buffer, size_t at, const OptFields& fields,
                       size_t options_length) {
  Header header(buffer.data);
  const uint16_t count = header.count(Section::kAdditional);
  const size_t added = kOptFixedSize + options_length;
  if (count == 0xffff || !HasRoom(buffer, 0, added)) return Fail(Error::kNoSpace);
  Resize(buffer, at, 0, added);
  header.set_count(Section::kAdditional, static_cast<uint16_t>(count + 1));
  ByteWriter writer({buffer.data, buffer.size}, at);
  writer.U8(0);
  writer.U16(static_cast<uint16_t>(Type::kOpt));
  writer.U16(fields.udp_size);
  writer.U8(fields.extended_rcode);
  writer.U8(0);  // version
  writer.U16(fields.dnssec_ok ? 0x8000 : 0);
  writer.U16(static_cast<uint16_t>(options_length));
  return Ok();
}

// Drops the options that `keep(code, data)` refuses and leaves `extra` bytes of room behind the
// others; gives the offset of that room.
template <typename Keep>
Result<size_t> Repack(EditBuffer& buffer, const Edns& edns, size_t extra, Keep&& keep) {
  size_t kept = 0;
  ForEachOption(buffer.message(), edns, [&](OptionCode code, std::span<const uint8_t> data) {
    if (keep(code, data)) kept += kOptionHeaderSize + data.size();
    return true;
  });
  if (!HasRoom(buffer, edns.options_length, kept + extra)) return Fail(Error::kNoSpace);
  if (kept == edns.options_length && extra == 0) return edns.end();
  uint8_t* to = buffer.data + edns.options_offset();
  for (size_t at = edns.options_offset(); at < edns.end();) {
    const uint8_t* from = buffer.data + at;
    const size_t length = kOptionHeaderSize + LoadU16(from + 2);
    const bool keeps =
        keep(static_cast<OptionCode>(LoadU16(from)),
             std::span<const uint8_t>(from + kOptionHeaderSize, length - kOptionHeaderSize));
    at += length;
    if (!keeps) continue;
    std::memmove(to, from, length);
    to += length;
  }
  const size_t room = edns.options_offset() + kept;
  Resize(buffer, room, edns.options_length - kept, extra);
  StoreU16(buffer.data + edns.offset + 9, static_cast<uint16_t>(kept + extra));
  return room;
}

// True where an edit that only takes options out has nothing to do.
bool Holds(std::span<const uint8_t> message, const Edns& edns, OptionCode code) {
  return FindOption(message, edns, code).has_value();
}

}  // namespace

Result<Edns> FindEdns(std::span<const uint8_t> message, size_t question_end) {
  Layout layout;
  const auto located = Locate(message, question_end, &layout);
  if (!located) return Fail(located.error());
  return layout.edns;
}

std::optional<std::span<const uint8_t>> FindOption(std::span<const uint8_t> message,
                                                   const Edns& edns, OptionCode code) {
  std::optional<std::span<const uint8_t>> found;
  ForEachOption(message, edns, [&](OptionCode current, std::span<const uint8_t> data) {
    if (current == code) found = data;
    return !found.has_value();
  });
  return found;
}

Result<void> AddOpt(EditBuffer& buffer, const OptFields& fields) {
  const auto start = RecordsStart(buffer.message());
  if (!start) return Fail(start.error());
  Layout layout;
  const auto located = LocateForEdit(buffer, *start, &layout);
  if (!located) return located;
  if (layout.edns.present) return Fail(Error::kBadOpt);
  return InsertOpt(buffer, layout.records_end, fields, 0);
}

Result<void> SetOption(EditBuffer& buffer, size_t question_end, OptionCode code,
                       std::span<const uint8_t> data) {
  Layout layout;
  const auto located = LocateForEdit(buffer, question_end, &layout);
  if (!located) return located;
  const size_t needed = kOptionHeaderSize + data.size();
  size_t room = layout.records_end + kOptFixedSize;
  if (layout.edns.present) {
    const auto repacked =
        Repack(buffer, layout.edns, needed, [&](OptionCode other, auto) { return other != code; });
    if (!repacked) return Fail(repacked.error());
    room = *repacked;
  } else {
    const auto inserted = InsertOpt(buffer, layout.records_end, OptFields{}, needed);
    if (!inserted) return inserted;
  }
  WriteOption(buffer, room, code, data);
  return Ok();
}

Result<void> AppendOption(EditBuffer& buffer, size_t question_end, OptionCode code,
                          std::span<const uint8_t> data) {
  Layout layout;
  const auto located = LocateForEdit(buffer, question_end, &layout);
  if (!located) return located;
  if (!layout.edns.present) return Fail(Error::kNotFound);
  const auto room = Repack(buffer, layout.edns, kOptionHeaderSize + data.size(),
                           [](OptionCode, auto) { return true; });
  if (!room) return Fail(room.error());
  WriteOption(buffer, *room, code, data);
  return Ok();
}

Result<void> RemoveOption(EditBuffer& buffer, size_t question_end, OptionCode code) {
  const auto edns = FindEdns(buffer.message(), question_end);
  if (!edns) return Fail(edns.error());
  if (!Holds(buffer.message(), *edns, code)) return Ok();
  Layout layout;
  const auto located = LocateForEdit(buffer, question_end, &layout);
  if (!located) return located;
  const auto repacked =
      Repack(buffer, layout.edns, 0, [&](OptionCode other, auto) { return other != code; });
  if (!repacked) return Fail(repacked.error());
  return Ok();
}

Result<void> RemoveOpt(EditBuffer& buffer, size_t question_end) {
  const auto edns = FindEdns(buffer.message(), question_end);
  if (!edns) return Fail(edns.error());
  if (!edns->present) return Ok();
  Layout layout;
  const auto located = LocateForEdit(buffer, question_end, &layout);
  if (!located) return located;
  Resize(buffer, edns->offset, kOptFixedSize + edns->options_length, 0);
  Header header(buffer.data);
  header.set_count(Section::kAdditional,
                   static_cast<uint16_t>(header.count(Section::kAdditional) - 1));
  return Ok();
}

Result<void> KeepOptions(EditBuffer& buffer, size_t question_end, KeepOption keep) {
  Layout layout;
  const auto located = LocateForEdit(buffer, question_end, &layout);
  if (!located) return located;
  if (!layout.edns.present) return Ok();
  const auto repacked = Repack(buffer, layout.edns, 0, keep);
  if (!repacked) return Fail(repacked.error());
  return Ok();
}

bool OptionsCanBeEdited(std::span<const uint8_t> message, size_t question_end) {
  Layout layout;
  return Locate(message, question_end, &layout) && !layout.is_signed && layout.tail_can_move;
}

}  // namespace breakwater::dns
