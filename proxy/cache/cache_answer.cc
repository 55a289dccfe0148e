#include "proxy/cache/cache_answer.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/header.h"
#include "proxy/dns/record_walker.h"

namespace breakwater {
namespace {

// RFC 2181, 8: a TTL with the highest bit set is 0.
uint32_t SaneTtl(uint32_t ttl) {
  return ttl > 0x7fffffffu ? 0 : ttl;
}

bool IsSignatureOfOneTransaction(const dns::Record& record) {
  return record.type == dns::Type::kTsig ||
         (record.type == dns::Type::kSig && record.section == dns::Section::kAdditional);
}

// Serial numbers, RFC 1982: the earlier of two.
uint32_t EarlierSerial(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b) < 0 ? a : b;
}

void NoteSignature(std::span<const uint8_t> message, const dns::Record& record,
                   CacheAnswer& answer) {
  constexpr size_t kExpiration = 8;  // behind type covered, algorithm, labels, original TTL
  if (record.type != dns::Type::kRrsig || record.rdata_length < kExpiration + 4) return;
  const uint32_t end = LoadU32(message.data() + record.rdata_offset + kExpiration);
  answer.signed_until = answer.signed_until ? EarlierSerial(*answer.signed_until, end) : end;
}

size_t KeptOptionBytes(std::span<const uint8_t> message, const dns::Edns& edns,
                       const CacheKey& key) {
  size_t kept = 0;
  dns::ForEachOption(message, edns, [&](dns::OptionCode code, std::span<const uint8_t> content) {
    if (OptionIsShareable(code, key)) kept += 4 + content.size();
    return true;
  });
  return kept;
}

bool WalkRecords(std::span<const uint8_t> message, CacheAnswer& answer) {
  dns::RecordWalker walker(message, answer.question.end());
  bool opt_seen = false;
  while (walker.Next()) {
    const dns::Record& record = walker.record();
    if (record.type == dns::Type::kOpt) {
      opt_seen = true;
      continue;
    }
    if (IsSignatureOfOneTransaction(record) || answer.ttl_count == CacheAnswer::kMaxTtls) {
      return false;
    }
    answer.ttl_offsets[answer.ttl_count++] = static_cast<uint16_t>(record.ttl_offset);
    // What stands behind the OPT does not count, as in dnsdist.
    if (!opt_seen) answer.lowest_ttl = std::min(answer.lowest_ttl, SaneTtl(record.ttl));
    if (record.section == dns::Section::kAuthority && record.type == dns::Type::kSoa) {
      answer.soa_in_authority = true;
    }
    NoteSignature(message, record, answer);
  }
  answer.size = walker.end_offset();
  return walker.ok();
}

}  // namespace

bool OptionIsShareable(dns::OptionCode code, const CacheKey& key) {
  return code == dns::OptionCode::kExtendedError || code == dns::OptionCode::kClientSubnet ||
         KeyCoversOption(key.Tail(), key.bits, static_cast<uint16_t>(code));
}

bool ExamineAnswer(std::span<const uint8_t> message, CacheAnswer& answer) {
  if (message.size() < dns::kHeaderSize || message.size() > 0xffff) return false;
  const dns::Header header = dns::ConstHeader(message.data());
  if (!header.Has(dns::kFlagQr) || header.opcode() != dns::Opcode::kQuery) return false;
  if (header.count(dns::Section::kQuestion) != 1) return false;
  const auto question = dns::ParseQuestion(message);
  if (!question) return false;
  const auto edns = dns::FindEdns(message, question->end());
  if (!edns) return false;
  answer.question = *question;
  answer.edns = *edns;
  answer.rcode = static_cast<dns::RCode>(static_cast<unsigned>(header.rcode()) |
                                         static_cast<unsigned>(edns->extended_rcode) << 4);
  answer.truncated = header.Has(dns::kFlagTc);
  return WalkRecords(message, answer);
}

size_t ShareableSize(std::span<const uint8_t> message, const CacheAnswer& answer,
                     const CacheKey& key) {
  if (!answer.edns.present) return answer.size;
  return answer.size - answer.edns.options_length + KeptOptionBytes(message, answer.edns, key);
}

void CopyShareable(std::span<const uint8_t> message, const CacheAnswer& answer, const CacheKey& key,
                   const ShareableCopy& out) {
  const dns::Edns& edns = answer.edns;
  const size_t head = edns.present ? edns.options_offset() : answer.size;
  std::memcpy(out.packet, message.data(), head);
  size_t dropped = 0;
  if (edns.present) {
    uint8_t* at = out.packet + head;
    dns::ForEachOption(message, edns, [&](dns::OptionCode code, std::span<const uint8_t> content) {
      if (!OptionIsShareable(code, key)) return true;
      StoreU16(at, static_cast<uint16_t>(code));
      StoreU16(at + 2, static_cast<uint16_t>(content.size()));
      if (!content.empty()) std::memcpy(at + 4, content.data(), content.size());
      at += 4 + content.size();
      return true;
    });
    const auto kept = static_cast<uint16_t>(at - (out.packet + head));
    StoreU16(out.packet + head - 2, kept);
    dropped = static_cast<size_t>(edns.options_length) - kept;
    std::memcpy(at, message.data() + edns.end(), answer.size - edns.end());
  }
  for (size_t i = 0; i < answer.ttl_count; ++i) {
    const size_t offset = answer.ttl_offsets[i];
    out.ttl_offsets[i] = static_cast<uint16_t>(offset < head ? offset : offset - dropped);
  }
}

}  // namespace breakwater
