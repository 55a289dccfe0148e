#include "proxy/net/tls_tickets.h"

#include <gtest/gtest.h>

#include "tests/support/test_certificate.h"

namespace breakwater {
namespace {

std::string KeyBytes(char with) {
  return std::string(TlsTicketKey::kSize, with);
}
std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::span<const uint8_t> NameOf(const std::string& key) {
  return Bytes(key).first(TlsTicketKey::kNameSize);
}

TEST(TlsTicketKeysTest, TheNewestKeySealsAndOlderOnesStillOpen) {
  TlsTicketKeys keys(3, 0, MonoTime{});
  ASSERT_TRUE(keys.Load(Bytes(KeyBytes('a')), MonoTime{}));
  ASSERT_TRUE(keys.Load(Bytes(KeyBytes('b')), MonoTime{}));
  EXPECT_TRUE(keys.Find(NameOf(KeyBytes('b'))).active);
  EXPECT_NE(keys.Find(NameOf(KeyBytes('a'))).key, nullptr);
  EXPECT_FALSE(keys.Find(NameOf(KeyBytes('a'))).active);
  EXPECT_EQ(keys.Active()->name[0], 'b');
  ASSERT_TRUE(keys.Load(Bytes(KeyBytes('c')), MonoTime{}));
  ASSERT_TRUE(keys.Load(Bytes(KeyBytes('d')), MonoTime{}));
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys.Find(NameOf(KeyBytes('a'))).key, nullptr);
}

TEST(TlsTicketKeysTest, RotatesWhenDueAndALoadedKeyHasItsFullTime) {
  TlsTicketKeys keys(5, 100, MonoTime{});
  keys.RotateIfDue(MonoTime::FromSeconds(99));
  EXPECT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys.next_rotation(), MonoTime::FromSeconds(100));
  ASSERT_TRUE(keys.Load(Bytes(KeyBytes('a')), MonoTime::FromSeconds(99)));
  keys.RotateIfDue(MonoTime::FromSeconds(150));
  EXPECT_EQ(keys.Active()->name[0], 'a');
  keys.RotateIfDue(MonoTime::FromSeconds(199));
  EXPECT_NE(keys.Active()->Bytes(),
            TlsTicketKey::FromBytes(Bytes(KeyBytes('a')).first<80>()).Bytes());
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys.next_rotation(), MonoTime::FromSeconds(299));
  EXPECT_FALSE(TlsTicketKeys(5, 0, MonoTime{}).next_rotation());
}

TEST(TlsTicketKeysTest, KeysOfAnotherSizeAreRefused) {
  test::CertificateFolder folder;
  TlsTicketKeys keys(5, 0, MonoTime{});
  EXPECT_FALSE(keys.Load(Bytes("short"), MonoTime{}));
  const auto refused = keys.LoadFile(folder.Write("odd", KeyBytes('a') + "x"), MonoTime{});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("81 bytes"), std::string::npos) << refused.error();
  EXPECT_FALSE(keys.LoadFile(folder.Write("empty", ""), MonoTime{}));
  EXPECT_FALSE(keys.LoadFile(folder.path() + "/none", MonoTime{}));
  EXPECT_EQ(keys.size(), 1u);
  ASSERT_TRUE(keys.LoadFile(folder.Write("two", KeyBytes('a') + KeyBytes('b')), MonoTime{}));
  EXPECT_EQ(keys.Active()->name[0], 'b');
}

TEST(TlsTicketKeysTest, TheHookHearsOfEveryKey) {
  TlsTicketKeys keys(5, 10, MonoTime{});
  std::vector<std::string> heard;
  keys.SetHook([&](std::span<const uint8_t> key) { heard.emplace_back(key.begin(), key.end()); });
  ASSERT_EQ(heard.size(), 1u);
  ASSERT_TRUE(keys.Load(Bytes(KeyBytes('a')), MonoTime{}));
  keys.RotateIfDue(MonoTime::FromSeconds(10));
  ASSERT_EQ(heard.size(), 3u);
  EXPECT_EQ(heard[1], KeyBytes('a'));
}

}  // namespace
}  // namespace breakwater
