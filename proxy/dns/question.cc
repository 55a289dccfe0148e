#include "proxy/dns/question.h"

namespace breakwater::dns {

Result<Question> ParseQuestion(std::span<const uint8_t> message) {
  if (message.size() < kHeaderSize) return Fail(Error::kTruncated);
  if (ConstHeader(message.data()).count(Section::kQuestion) == 0) return Fail(Error::kBadCount);
  const uint8_t* bytes = message.data();
  const size_t size = message.size();
  size_t at = kHeaderSize;
  while (true) {
    if (at >= size) return Fail(Error::kTruncated);
    const uint8_t length = bytes[at];
    if (length == 0) break;
    if (length > 63) return Fail(length >= 0xc0 ? Error::kBadPointer : Error::kBadLabel);
    at += 1u + length;
    if (at - kHeaderSize >= 255) return Fail(Error::kNameTooLong);
  }
  ++at;
  if (at + 4 > size) return Fail(Error::kTruncated);
  Question question;
  question.name_length = static_cast<uint16_t>(at - kHeaderSize);
  question.type = static_cast<Type>(LoadU16(bytes + at));
  question.cls = static_cast<Class>(LoadU16(bytes + at + 2));
  return question;
}

}  // namespace breakwater::dns
