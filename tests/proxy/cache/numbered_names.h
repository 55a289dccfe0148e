// Queries for www.example0000000.com and the following, and their answers with one A record, as
// fast as copying bytes: for tests and benchmarks that need a million of them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "proxy/cache/cache_key.h"
#include "proxy/dns/edns.h"
#include "proxy/dns/question.h"

namespace breakwater::test {

class NumberedNames {
 public:
  static constexpr size_t kNameLength = 24;
  static constexpr size_t kQuerySize = 12 + kNameLength + 4;
  static constexpr size_t kAnswerSize = kQuerySize + 16;

  // The message for that number; valid until the next call.
  std::span<const uint8_t> Query(uint32_t number) {
    Fill(number, 0x01, 0);
    return {bytes_.data(), kQuerySize};
  }
  std::span<const uint8_t> Answer(uint32_t number) {
    Fill(number, 0x81, 1);
    return {bytes_.data(), kAnswerSize};
  }
  CacheKey Key(uint32_t number) {
    return *MakeCacheKey({Query(number), question_, no_edns_}, options_);
  }
  const dns::Question& question() const { return question_; }
  uint8_t* data() { return bytes_.data(); }

 private:
  void Fill(uint32_t number, uint8_t flags, uint8_t answers) {
    bytes_[2] = flags;
    bytes_[7] = answers;
    for (size_t digit = 7; digit-- > 0; number /= 10) {
      bytes_[kDigits + digit] = static_cast<uint8_t>('0' + number % 10);
    }
  }

  static constexpr size_t kDigits = 12 + 5 + 7;
  // Header, name, type A, class IN; then a pointer to the name, A, IN, 3600 s, 192.0.2.1.
  std::array<uint8_t, kAnswerSize> bytes_{
      0x12, 0x34, 0x01, 0x00, 0,   1,   0,    0,    0,   0,   0,   0,   3,    'w',
      'w',  'w',  14,   'e',  'x', 'a', 'm',  'p',  'l', 'e', '0', '0', '0',  '0',
      '0',  '0',  '0',  3,    'c', 'o', 'm',  0,    0,   1,   0,   1,   0xc0, 0x0c,
      0,    1,    0,    1,    0,   0,   0x0e, 0x10, 0,   4,   192, 0,   2,    1};
  dns::Question question_{
      .name_length = kNameLength, .type = dns::Type::kA, .cls = dns::Class::kIn};
  dns::Edns no_edns_;
  CacheKeyOptions options_;
};

}  // namespace breakwater::test
