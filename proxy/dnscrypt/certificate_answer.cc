#include "proxy/dnscrypt/certificate_answer.h"

#include <algorithm>

#include "proxy/base/byte_writer.h"
#include "proxy/dns/question.h"

namespace breakwater::dnscrypt {
namespace {

constexpr uint32_t kTtl = 3600;
// What a client without EDNS takes, and what fits the packets of most networks.
constexpr size_t kLeastUdpSize = 512;
constexpr size_t kMostUdpSize = 1232;

bool IsToBeTold(const CertificatePair& pair, int64_t wall_seconds) {
  return pair.active->load(std::memory_order_relaxed) && pair.certificate.IsValidAt(wall_seconds);
}

bool IsQuestionFor(std::span<const uint8_t> message, const dns::Name& provider,
                   const dns::Question& question) {
  const dns::Header header = dns::ConstHeader(message.data());
  return !header.Has(dns::kFlagQr) && header.opcode() == dns::Opcode::kQuery &&
         header.count(dns::Section::kAnswer) == 0 && header.count(dns::Section::kAuthority) == 0 &&
         question.type == dns::Type::kTxt && question.cls == dns::Class::kIn &&
         dns::EqualFold(message.subspan(dns::kHeaderSize, question.name_length), provider.wire());
}

}  // namespace

bool AnswerWithCertificates(dns::EditBuffer& buffer, const dns::Name& provider,
                            const CertificateSet& set, const Arrival& arrival) {
  if (buffer.size < dns::kHeaderSize) return false;
  const auto question = dns::ParseQuestion(buffer.message());
  if (!question || !IsQuestionFor(buffer.message(), provider, *question)) return false;
  const auto edns = dns::FindEdns(buffer.message(), question->end());
  if (!edns) return false;

  size_t limit = buffer.capacity;
  if (arrival.carrier == Carrier::kDatagram) {
    limit = std::min(limit, edns->present
                                ? std::clamp<size_t>(edns->udp_size, kLeastUdpSize, kMostUdpSize)
                                : kLeastUdpSize);
  }
  ByteWriter out({buffer.data, limit}, question->end());
  uint16_t count = 0;
  for (const auto& pair : set) {
    if (!IsToBeTold(*pair, arrival.wall_seconds)) continue;
    out.U16(0xC000 | dns::kHeaderSize);  // the question's name
    out.U16(static_cast<uint16_t>(dns::Type::kTxt));
    out.U16(static_cast<uint16_t>(dns::Class::kIn));
    out.U32(kTtl);
    out.U16(kCertificateSize + 1);
    out.U8(kCertificateSize);
    out.Bytes(pair->certificate.bytes());
    ++count;
  }
  dns::Header header(buffer.data);
  const uint16_t truncated = out.ok() ? 0 : dns::kFlagTc;
  header.set_flags(
      static_cast<uint16_t>(dns::kFlagQr | (header.flags() & dns::kFlagRd) | truncated));
  header.set_count(dns::Section::kAnswer, out.ok() ? count : 0);
  header.set_count(dns::Section::kAdditional, 0);
  buffer.size = out.ok() ? out.offset() : question->end();
  return true;
}

}  // namespace breakwater::dnscrypt
