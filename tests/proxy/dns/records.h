// The records of a message as text, names decompressed: two messages that say the same give the
// same lines, however they are compressed.
#pragma once

#include <string>
#include <vector>

#include "proxy/base/text.h"
#include "proxy/dns/rdata_names.h"
#include "proxy/dns/record_walker.h"

namespace breakwater::dns::test {

// "!" where a name in it does not parse.
inline std::string DescribeRdata(std::span<const uint8_t> message, const Record& record) {
  const RdataNames where = CompressibleNames(record.type);
  size_t at = record.rdata_offset;
  if (where.names == 0 || record.rdata_length == 0) {
    return HexEncode(message.subspan(at, record.rdata_length));
  }
  if (where.prefix > record.rdata_length) return "!";
  std::string text = HexEncode(message.subspan(at, where.prefix));
  at += where.prefix;
  for (int i = 0; i < where.names; ++i) {
    size_t end = 0;
    const auto name = Name::FromMessage(message, at, &end);
    if (!name || end > record.end()) return "!";
    text += " " + name->ToString();
    at = end;
  }
  return text + " " + HexEncode(message.subspan(at, record.end() - at));
}

inline std::vector<std::string> DescribeRecords(std::span<const uint8_t> message,
                                                size_t question_end) {
  std::vector<std::string> lines;
  RecordWalker walker(message, question_end);
  while (walker.Next()) {
    const Record& record = walker.record();
    const auto owner = walker.OwnerName();
    lines.push_back(std::to_string(static_cast<int>(record.section)) + " " +
                    (owner ? owner->ToString() : "!") + " " + TypeName(record.type) + " " +
                    ClassName(record.cls) + " " + std::to_string(record.ttl) + " " +
                    DescribeRdata(message, record));
  }
  if (!walker.ok()) lines.emplace_back("broken");
  return lines;
}

}  // namespace breakwater::dns::test
