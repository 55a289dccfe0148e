#include "proxy/dns/name.h"

#include <gtest/gtest.h>

#include "tests/proxy/dns/packet.h"

namespace breakwater::dns {
namespace {

using test::Bytes;
using test::operator+;
using test::WireName;

Name Make(std::string_view text) {
  const auto name = Name::Parse(text);
  EXPECT_TRUE(name) << text;
  return name.value_or(Name());
}

TEST(NameTest, RelativeAndAbsoluteTextAreTheSameName) {
  EXPECT_EQ(Make("www.example.com").ToString(), "www.example.com.");
  EXPECT_EQ(Make("www.example.com."), Make("www.example.com"));
  EXPECT_EQ(Make("www.Example.com").ToStringNoDot(), "www.Example.com");
}

TEST(NameTest, RootHasNoLabels) {
  EXPECT_TRUE(Make(".").IsRoot());
  EXPECT_TRUE(Make("").IsRoot());
  EXPECT_EQ(Name().ToString(), ".");
  EXPECT_EQ(Name().ToStringNoDot(), "");
  EXPECT_EQ(Name().CountLabels(), 0u);
  EXPECT_FALSE(Name().ChopOff());
}

TEST(NameTest, EscapesAreReadAndWritten) {
  const Name name = Make("a\\.b\\032c\\\\\\200.org");
  EXPECT_EQ(name.wire()[0], 7);
  EXPECT_EQ(name.ToStringNoDot(), "a\\.b\\032c\\\\\\200.org");
}

TEST(NameTest, BadTextIsRefused) {
  for (const char* text : {"a..b", ".a", "..", "a\\", "a\\1", "a\\25x", "a\\256", "a\\12"}) {
    EXPECT_FALSE(Name::Parse(text)) << text;
  }
}

TEST(NameTest, LabelLimitIs63) {
  EXPECT_TRUE(Name::Parse(std::string(63, 'a')));
  EXPECT_FALSE(Name::Parse(std::string(64, 'a')));
}

TEST(NameTest, LengthLimitIs255Octets) {
  const std::string label63 = std::string(63, 'a') + ".";
  const std::string text = label63 + label63 + label63;
  EXPECT_EQ(Make(text + std::string(61, 'b')).length(), 255u);
  EXPECT_EQ(Make(text + std::string(61, 'b') + ".").length(), 255u);
  EXPECT_FALSE(Name::Parse(text + std::string(62, 'b')));
  EXPECT_FALSE(Name::Parse(text + std::string(60, 'b') + ".c"));
  EXPECT_EQ(Make(text + std::string(59, 'b') + ".c").length(), 255u);
}

TEST(NameTest, ComparisonIgnoresAsciiCaseOnly) {
  EXPECT_EQ(Make("WWW.EXAMPLE.COM"), Make("www.example.com"));
  EXPECT_FALSE(Make("www.example.co") == Make("www.example.com"));
  EXPECT_FALSE(Make("a@b") == Make("a`b"));  // the neighbours of 'A' and 'a'
  EXPECT_FALSE(Make("a[b") == Make("a{b"));  // the neighbours of 'Z' and 'z'
  EXPECT_FALSE(Make("\\193") == Make("\\225"));
}

TEST(NameTest, EqualFoldAndFoldIntoAgreeWithByteFoldingAtEveryLengthAndValue) {
  for (size_t size = 0; size < 40; ++size) {
    for (unsigned value = 0; value < 256; ++value) {
      Bytes bytes(size, static_cast<uint8_t>(value));
      Bytes folded(size + 1, 0xaa);
      FoldInto(bytes, folded.data());
      EXPECT_EQ(folded[size], 0xaa);
      for (size_t i = 0; i < size; ++i) EXPECT_EQ(folded[i], FoldByte(bytes[i]));
      folded.pop_back();
      EXPECT_TRUE(EqualFold(bytes, folded));
      for (size_t i = 0; i < size; ++i) {
        Bytes other = bytes;
        other[i] ^= 0x01;
        EXPECT_FALSE(EqualFold(bytes, other));
      }
    }
  }
}

TEST(NameTest, SuffixMustStartAtALabel) {
  EXPECT_TRUE(Make("www.example.com").IsPartOf(Make("EXAMPLE.com")));
  EXPECT_TRUE(Make("example.com").IsPartOf(Make("example.com")));
  EXPECT_TRUE(Make("example.com").IsPartOf(Name()));
  EXPECT_FALSE(Make("badexample.com").IsPartOf(Make("example.com")));
  EXPECT_FALSE(Make("com").IsPartOf(Make("example.com")));
  // The bytes of the suffix stand at the end, but inside a label.
  EXPECT_FALSE(Make("x\\003com").IsPartOf(Make("com")));
}

TEST(NameTest, ParentRelativeAndAppend) {
  EXPECT_EQ(Make("a.b.c").Parent(), Make("b.c"));
  EXPECT_EQ(Make("a.b.example.com").RelativeTo(Make("example.com"))->ToString(), "a.b.");
  EXPECT_TRUE(Make("example.com").RelativeTo(Make("example.com"))->IsRoot());
  EXPECT_FALSE(Make("example.com").RelativeTo(Make("example.org")));
  Name name = Make("www");
  EXPECT_TRUE(name.Append(Make("example.com")));
  EXPECT_EQ(name, Make("www.example.com"));
  EXPECT_TRUE(name.Append(name));
  EXPECT_EQ(name, Make("www.example.com.www.example.com"));
  Name longest = Make(std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                      std::string(63, 'a') + "." + std::string(61, 'b'));
  const Name before = longest;
  EXPECT_EQ(longest.Append(Make("x")).error(), Error::kNameTooLong);
  EXPECT_EQ(longest, before);
}

TEST(NameTest, FoldedKeyIsLowerCaseWire) {
  EXPECT_EQ(Make("Ab.C").FoldedKey(), std::string("\2ab\1c\0", 6));
  EXPECT_EQ(Make("Ab.C").Folded().ToString(), "ab.c.");
  EXPECT_EQ(Make("a.b.c").CountLabels(), 3u);
}

TEST(NameTest, FromWireTakesExactlyOneName) {
  EXPECT_EQ(*Name::FromWire(WireName("a.bc")), Make("a.bc"));
  EXPECT_EQ(Name::FromWire(Bytes{}).error(), Error::kTruncated);
  EXPECT_EQ(Name::FromWire(Bytes{1, 'a'}).error(), Error::kTruncated);
  EXPECT_EQ(Name::FromWire(Bytes{0, 0}).error(), Error::kBadLabel);
  EXPECT_EQ(Name::FromWire(Bytes{0xc0, 0}).error(), Error::kBadLabel);
  EXPECT_EQ(Name::FromWire(Bytes(300, 1)).error(), Error::kNameTooLong);
}

TEST(NameTest, CompressedNameIsReadAndItsEndIsBehindTheFirstPointer) {
  Bytes message(12, 0);
  message = message + WireName("example.com") + Bytes{3, 'w', 'w', 'w', 0xc0, 12, 0xff};
  size_t end = 0;
  EXPECT_EQ(*Name::FromMessage(message, 25, &end), Make("www.example.com"));
  EXPECT_EQ(end, 31u);
  EXPECT_EQ(*Name::FromMessage(message, 12, &end), Make("example.com"));
  EXPECT_EQ(end, 25u);
}

TEST(NameTest, PointersThatDoNotGoBackAreRefused) {
  Bytes message(12, 0);
  message = message + Bytes{0xc0, 12, 1, 'a', 0xc0, 14, 0xc0, 20, 0, 0, 0xc0, 4};
  size_t end = 0;
  EXPECT_EQ(Name::FromMessage(message, 12, &end).error(), Error::kBadPointer);  // itself
  EXPECT_EQ(Name::FromMessage(message, 14, &end).error(), Error::kBadPointer);  // its own start
  EXPECT_EQ(Name::FromMessage(message, 18, &end).error(), Error::kBadPointer);  // forwards
  EXPECT_EQ(Name::FromMessage(message, 22, &end).error(), Error::kBadPointer);  // the header
}

TEST(NameTest, ChainOfPointersIsCutShort) {
  Bytes message(12, 0);
  message.push_back(0);
  for (size_t at = 12; message.size() < 1000;) {
    const size_t next = message.size();
    message.push_back(static_cast<uint8_t>(0xc0 | at >> 8));
    message.push_back(static_cast<uint8_t>(at));
    at = next;
  }
  size_t end = 0;
  EXPECT_EQ(Name::FromMessage(message, message.size() - 2, &end).error(), Error::kTooManyPointers);
  EXPECT_TRUE(Name::FromMessage(message, 13 + 2 * 126, &end));
}

TEST(NameTest, ReservedLabelTypesTruncationAndLengthAreRefused) {
  size_t end = 0;
  const Bytes header(12, 0);
  EXPECT_EQ(Name::FromMessage(header + Bytes{0x40, 0}, 12, &end).error(), Error::kBadLabel);
  EXPECT_EQ(Name::FromMessage(header + Bytes{0x80, 0}, 12, &end).error(), Error::kBadLabel);
  EXPECT_EQ(Name::FromMessage(header + Bytes{3, 'a'}, 12, &end).error(), Error::kTruncated);
  EXPECT_EQ(Name::FromMessage(header + Bytes{0xc0}, 12, &end).error(), Error::kTruncated);
  EXPECT_EQ(Name::FromMessage(header, 13, &end).error(), Error::kTruncated);
  Bytes message = header;
  for (int i = 0; i < 127; ++i) message = message + Bytes{1, 'a'};
  EXPECT_EQ(Name::FromMessage(message + Bytes{0}, 12, &end)->length(), 255u);
  EXPECT_EQ(Name::FromMessage(message + Bytes{1, 'a', 0}, 12, &end).error(), Error::kNameTooLong);
}

}  // namespace
}  // namespace breakwater::dns
