#include "proxy/console/control_cipher.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

const std::string kKey(kConsoleKeySize, 'k');

std::span<const uint8_t> BoxOf(const std::string& sealed) {
  return std::span(reinterpret_cast<const uint8_t*>(sealed.data()), sealed.size())
      .subspan(kConsoleLengthSize);
}

class ControlCipherTest : public testing::Test {
 protected:
  ConsoleNonce client_nonce_ = RandomConsoleNonce();
  ConsoleNonce server_nonce_ = RandomConsoleNonce();
  ControlCipher client_ = *ControlCipher::Make(kKey, client_nonce_, server_nonce_);
  ControlCipher server_ = *ControlCipher::Make(kKey, server_nonce_, client_nonce_);
};

TEST_F(ControlCipherTest, CarriesMessagesBothWays) {
  for (const std::string text : {"", "showServers()", "third\nline"}) {
    EXPECT_EQ(server_.Open(BoxOf(client_.Seal(text))).value(), text);
    EXPECT_EQ(client_.Open(BoxOf(server_.Seal(text + "!"))).value(), text + "!");
  }
}

TEST_F(ControlCipherTest, PutsTheLengthInFrontInNetworkOrder) {
  const std::string sealed = client_.Seal(std::string(1000, 'x'));
  std::array<uint8_t, kConsoleLengthSize> length{};
  std::copy_n(sealed.begin(), length.size(), length.begin());
  EXPECT_EQ(ControlCipher::BoxSize(length), 1016u);
  EXPECT_EQ(sealed.size(), 1020u);
}

TEST_F(ControlCipherTest, RefusesAReplayedMessage) {
  const std::string sealed = client_.Seal("shutdown()");
  EXPECT_TRUE(server_.Open(BoxOf(sealed)));
  EXPECT_FALSE(server_.Open(BoxOf(sealed)));
}

TEST_F(ControlCipherTest, RefusesAReflectedMessage) {
  EXPECT_FALSE(client_.Open(BoxOf(client_.Seal("shutdown()"))));
}

TEST_F(ControlCipherTest, RefusesAChangedMessageAndKeepsItsPlace) {
  const std::string sealed = client_.Seal("hello");
  std::string changed = sealed;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  EXPECT_FALSE(server_.Open(BoxOf(changed)));
  EXPECT_EQ(server_.Open(BoxOf(sealed)).value(), "hello");
}

TEST_F(ControlCipherTest, RefusesAMessageShorterThanItsSeal) {
  const std::vector<uint8_t> box(15);
  EXPECT_EQ(server_.Open(box).error(), Error::kTruncated);
}

TEST_F(ControlCipherTest, RefusesAnotherKey) {
  ControlCipher other =
      *ControlCipher::Make(std::string(kConsoleKeySize, 'x'), server_nonce_, client_nonce_);
  EXPECT_FALSE(other.Open(BoxOf(client_.Seal("hello"))));
}

TEST(ConsoleKey, MustHave32Bytes) {
  EXPECT_FALSE(ControlCipher::Make("", {}, {}));
  EXPECT_FALSE(ControlCipher::Make(std::string(31, 'x'), {}, {}));
}

TEST(ConsoleKey, IsMadeAndDecodedAsBase64) {
  const std::string text = MakeConsoleKey();
  EXPECT_EQ(text.size(), 44u);
  EXPECT_NE(text, MakeConsoleKey());
  EXPECT_EQ(DecodeConsoleKey(text).value().size(), kConsoleKeySize);
  EXPECT_FALSE(DecodeConsoleKey("c2hvcnQ="));
  EXPECT_FALSE(DecodeConsoleKey("not base64!"));
  EXPECT_FALSE(DecodeConsoleKey(text + text));
}

}  // namespace
}  // namespace breakwater
