#include "proxy/dns/name.h"

#include <algorithm>

#include "proxy/base/byte_reader.h"
#include "proxy/dns/header.h"

namespace breakwater::dns {
namespace {

// A sound name needs one pointer for each of its labels at most; a chain of pointers that point
// at pointers would cost time and say nothing.
constexpr int kMaxPointers = 127;

constexpr uint64_t Repeat(uint8_t byte) {
  return 0x0101010101010101u * byte;
}

// Lower-cases eight bytes at once. Bit 7 of (c + 0x80 - 'A') says c >= 'A', of (c + 0x7f - 'Z')
// says c > 'Z', for seven-bit c; bytes over 0x7f are left alone. Label lengths are below 'A'.
inline uint64_t FoldWord(uint64_t word) {
  const uint64_t seven = word & Repeat(0x7f);
  const uint64_t from_a = seven + Repeat(0x80 - 'A');
  const uint64_t past_z = seven + Repeat(0x7f - 'Z');
  const uint64_t upper = (from_a ^ past_z) & ~word & Repeat(0x80);
  return word | upper >> 2;
}

inline uint64_t LoadWord(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

inline bool EqualBytes(const uint8_t* a, const uint8_t* b, size_t size) {
  size_t at = 0;
  if (size >= 8) {
    for (; at + 8 <= size; at += 8) {
      if (FoldWord(LoadWord(a + at)) != FoldWord(LoadWord(b + at))) return false;
    }
    // The last word may overlap the one before it.
    return FoldWord(LoadWord(a + size - 8)) == FoldWord(LoadWord(b + size - 8));
  }
  for (; at < size; ++at) {
    if (FoldByte(a[at]) != FoldByte(b[at])) return false;
  }
  return true;
}

void AppendEscaped(uint8_t c, std::string* out) {
  if (c == '.' || c == '\\') {
    out->push_back('\\');
    out->push_back(static_cast<char>(c));
  } else if (c > 0x20 && c < 0x7f) {
    out->push_back(static_cast<char>(c));
  } else {
    out->push_back('\\');
    out->push_back(static_cast<char>('0' + c / 100));
    out->push_back(static_cast<char>('0' + c / 10 % 10));
    out->push_back(static_cast<char>('0' + c % 10));
  }
}

// Reads the escape behind a backslash at `*at - 1`; -1 where it is not one.
int ReadEscape(std::string_view text, size_t* at) {
  if (*at >= text.size()) return -1;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_digit(text[*at])) return static_cast<uint8_t>(text[(*at)++]);
  if (*at + 3 > text.size() || !is_digit(text[*at + 1]) || !is_digit(text[*at + 2])) return -1;
  const int value = (text[*at] - '0') * 100 + (text[*at + 1] - '0') * 10 + (text[*at + 2] - '0');
  *at += 3;
  return value <= 255 ? value : -1;
}

}  // namespace

bool EqualFold(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return a.size() == b.size() && EqualBytes(a.data(), b.data(), a.size());
}

void FoldInto(std::span<const uint8_t> wire, uint8_t* out) {
  const uint8_t* in = wire.data();
  size_t at = 0;
  const auto fold_word = [&](size_t offset) {
    const uint64_t word = FoldWord(LoadWord(in + offset));
    std::memcpy(out + offset, &word, sizeof(word));
  };
  for (; at + 8 <= wire.size(); at += 8) fold_word(at);
  if (at != 0) {
    // The last word may overlap the one before it: what is folded stays as it is.
    fold_word(wire.size() - 8);
    return;
  }
  for (; at < wire.size(); ++at) out[at] = FoldByte(in[at]);
}

TextResult<Name> Name::Parse(std::string_view text) {
  Name name;
  if (text.empty() || text == ".") return name;
  const auto bad = [&](const char* why) {
    return Fail("\"" + std::string(text) + "\" is not a domain name: " + why);
  };
  size_t length = 1;  // octets so far, the current label's length octet included
  size_t label = 0;   // where that length octet stands
  size_t at = 0;
  while (at < text.size()) {
    int c = static_cast<uint8_t>(text[at++]);
    if (c == '.') {
      if (length - label == 1) return bad("it has an empty label");
      name.wire_[label] = static_cast<uint8_t>(length - label - 1);
      label = length;
      if (at == text.size()) break;
      if (++length > kMaxNameLength - 1) return bad("it is over 255 octets");
      continue;
    }
    if (c == '\\') c = ReadEscape(text, &at);
    if (c < 0) return bad("it has a backslash that escapes nothing");
    if (length - label > kMaxLabelLength) return bad("it has a label over 63 octets");
    if (length >= kMaxNameLength - 1) return bad("it is over 255 octets");
    name.wire_[length++] = static_cast<uint8_t>(c);
  }
  if (label != length) {
    name.wire_[label] = static_cast<uint8_t>(length - label - 1);
    label = length;
  }
  name.wire_[label] = 0;
  name.length_ = static_cast<uint8_t>(label + 1);
  return name;
}

Result<Name> Name::FromMessage(std::span<const uint8_t> message, size_t offset, size_t* end) {
  Name name;
  size_t length = 0;
  size_t run_start = offset;  // pointers must lead to before the run of labels they end
  bool jumped = false;
  int pointers = 0;
  ByteReader reader(message, offset);
  while (true) {
    const uint8_t first = reader.U8();
    if (!reader.ok()) return Fail(Error::kTruncated);
    if (first >= 0xc0) {
      const size_t target = static_cast<size_t>(first & 0x3f) << 8 | reader.U8();
      if (!reader.ok()) return Fail(Error::kTruncated);
      if (!jumped) *end = reader.offset();
      jumped = true;
      if (target >= run_start || target < kHeaderSize) return Fail(Error::kBadPointer);
      if (++pointers > kMaxPointers) return Fail(Error::kTooManyPointers);
      run_start = target;
      reader = ByteReader(message, target);
      continue;
    }
    if (first > kMaxLabelLength) return Fail(Error::kBadLabel);
    const auto label = reader.Bytes(first);
    if (!reader.ok()) return Fail(Error::kTruncated);
    if (length + 1 + first + (first != 0 ? 1u : 0u) > kMaxNameLength) {
      return Fail(Error::kNameTooLong);
    }
    name.wire_[length++] = first;
    if (first == 0) break;
    std::memcpy(name.wire_.data() + length, label.data(), first);
    length += first;
  }
  if (!jumped) *end = reader.offset();
  name.length_ = static_cast<uint8_t>(length);
  return name;
}

Result<Name> Name::FromWire(std::span<const uint8_t> wire) {
  if (wire.size() > kMaxNameLength) return Fail(Error::kNameTooLong);
  size_t at = 0;
  while (true) {
    if (at >= wire.size()) return Fail(Error::kTruncated);
    const uint8_t length = wire[at];
    if (length == 0) break;
    if (length > kMaxLabelLength) return Fail(Error::kBadLabel);
    at += 1u + length;
  }
  if (at + 1 != wire.size()) return Fail(Error::kBadLabel);
  Name name;
  std::memcpy(name.wire_.data(), wire.data(), wire.size());
  name.length_ = static_cast<uint8_t>(wire.size());
  return name;
}

size_t Name::CountLabels() const {
  size_t count = 0;
  for (size_t at = 0; wire_[at] != 0; at += 1u + wire_[at]) ++count;
  return count;
}

std::string Name::ToString() const {
  return IsRoot() ? "." : ToStringNoDot() + ".";
}

std::string Name::ToStringNoDot() const {
  std::string text;
  text.reserve(length_);
  for (size_t at = 0; wire_[at] != 0; at += 1u + wire_[at]) {
    if (at != 0) text.push_back('.');
    for (size_t i = 1; i <= wire_[at]; ++i) AppendEscaped(wire_[at + i], &text);
  }
  return text;
}

std::string Name::FoldedKey() const {
  std::string key(length_, '\0');
  FoldInto(wire(), reinterpret_cast<uint8_t*>(key.data()));
  return key;
}

bool Name::operator==(const Name& other) const {
  return EqualFold(wire(), other.wire());
}

bool Name::IsPartOf(const Name& suffix) const {
  if (suffix.length_ > length_) return false;
  const size_t start = length_ - suffix.length_;
  size_t at = 0;  // the suffix must begin where a label does
  while (at < start) at += 1u + wire_[at];
  return at == start && EqualBytes(wire_.data() + start, suffix.wire_.data(), suffix.length_);
}

bool Name::ChopOff() {
  if (IsRoot()) return false;
  const size_t gone = 1u + wire_[0];
  std::memmove(wire_.data(), wire_.data() + gone, length_ - gone);
  length_ = static_cast<uint8_t>(length_ - gone);
  return true;
}

Name Name::Parent() const {
  Name parent = *this;
  parent.ChopOff();
  return parent;
}

Name Name::Folded() const {
  Name folded;
  FoldInto(wire(), folded.wire_.data());
  folded.length_ = length_;
  return folded;
}

Result<Name> Name::RelativeTo(const Name& suffix) const {
  if (!IsPartOf(suffix)) return Fail(Error::kNotFound);
  Name relative = *this;
  relative.length_ = static_cast<uint8_t>(length_ - suffix.length_ + 1);
  relative.wire_[relative.length_ - 1u] = 0;
  return relative;
}

Result<void> Name::Append(const Name& suffix) {
  const size_t length = length_ + suffix.length_ - 1u;
  if (length > kMaxNameLength) return Fail(Error::kNameTooLong);
  // `suffix` may be this name itself: only its first length_ octets are read, root included.
  std::array<uint8_t, kMaxNameLength> tail;
  std::memcpy(tail.data(), suffix.wire_.data(), suffix.length_);
  std::memcpy(wire_.data() + length_ - 1, tail.data(), suffix.length_);
  length_ = static_cast<uint8_t>(length);
  return Ok();
}

}  // namespace breakwater::dns
