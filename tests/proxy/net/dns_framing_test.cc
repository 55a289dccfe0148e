#include "proxy/net/dns_framing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace breakwater {
namespace {

std::vector<uint8_t> Framed(const std::vector<std::string>& messages) {
  std::vector<uint8_t> out;
  for (const std::string& message : messages) {
    uint8_t prefix[2];
    PutFrameLength(message.size(), prefix);
    out.insert(out.end(), prefix, prefix + 2);
    out.insert(out.end(), message.begin(), message.end());
  }
  return out;
}

// Decodes `bytes` given in pieces of `step`.
std::vector<std::string> Decode(const std::vector<uint8_t>& bytes, size_t step) {
  PacketPool pool;
  FrameDecoder decoder(pool);
  std::vector<std::string> out;
  for (size_t at = 0; at < bytes.size(); at += step) {
    auto input = std::span(bytes).subspan(at, std::min(step, bytes.size() - at));
    while (const auto message = decoder.Next(input))
      out.emplace_back(message->begin(), message->end());
    EXPECT_TRUE(input.empty());
  }
  EXPECT_FALSE(decoder.InMessage());
  return out;
}

TEST(FrameDecoder, AnyPiecesGiveTheSameMessages) {
  const std::vector<std::string> messages = {
      "first", "", std::string(3000, 'x'), "y", std::string(kMaxFrame, 'z'), "last"};
  const auto bytes = Framed(messages);
  for (const size_t step :
       {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{1024}, size_t{4608}, bytes.size()}) {
    EXPECT_EQ(Decode(bytes, step), messages) << step;
  }
}

TEST(FrameDecoder, WholeMessageIsNotCopied) {
  PacketPool pool;
  FrameDecoder decoder(pool);
  const auto bytes = Framed({"query"});
  std::span<const uint8_t> input(bytes);
  const auto message = decoder.Next(input);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->data(), bytes.data() + 2);
  EXPECT_TRUE(input.empty());
}

TEST(FrameDecoder, TellsWhatIsMissing) {
  PacketPool pool;
  FrameDecoder decoder(pool);
  EXPECT_FALSE(decoder.InMessage());
  const auto bytes = Framed({"query"});
  std::span<const uint8_t> input(bytes.data(), 1);
  EXPECT_FALSE(decoder.Next(input));
  EXPECT_TRUE(decoder.InMessage());
  EXPECT_EQ(decoder.Missing(), 1u);
  input = std::span(bytes).subspan(1, 3);
  EXPECT_FALSE(decoder.Next(input));
  EXPECT_EQ(decoder.Missing(), 3u);
}

TEST(FrameDecoder, LeavesWhatFollowsTheMessage) {
  PacketPool pool;
  FrameDecoder decoder(pool);
  const auto bytes = Framed({"one", "two"});
  std::span<const uint8_t> first(bytes.data(), 3);
  EXPECT_FALSE(decoder.Next(first));
  std::span<const uint8_t> rest(bytes.data() + 3, bytes.size() - 3);
  const auto message = decoder.Next(rest);
  ASSERT_TRUE(message);
  EXPECT_EQ(std::string(message->begin(), message->end()), "one");
  EXPECT_EQ(rest.size(), 5u);
}

}  // namespace
}  // namespace breakwater
