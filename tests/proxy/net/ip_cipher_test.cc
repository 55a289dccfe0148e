#include "proxy/net/ip_cipher.h"

#include <gtest/gtest.h>

#include "proxy/base/text.h"

namespace breakwater {
namespace {

const IpCipherKey kKey = IpCipherKeyFrom("some 16-byte key").value();

std::string Encrypted(const std::string& text) {
  const Address plain = Address::Parse(text).value();
  const Address hidden = EncryptAddress(plain, kKey);
  EXPECT_EQ(DecryptAddress(hidden, kKey), plain);
  return hidden.ToString();
}

// As published with ipcrypt and ipcipher.
TEST(IpCipher, GivesThePublishedAddresses) {
  EXPECT_EQ(Encrypted("127.0.0.1"), "114.62.227.59");
  EXPECT_EQ(Encrypted("8.8.8.8"), "46.48.51.50");
  EXPECT_EQ(Encrypted("1.2.3.4"), "171.238.15.199");
  EXPECT_EQ(Encrypted("::1"), "3718:8853:1723:6c88:7e5f:2e60:c79a:2bf");
}

TEST(IpCipher, KeysOfPasswordsAreThePublishedOnes) {
  EXPECT_EQ(HexEncode(MakeIpCipherKey("")), "bb8dcd7be9a6f43b3304c640d7d7103c");
  EXPECT_EQ(HexEncode(MakeIpCipherKey("3.141592653589793")), "3705bd6c0e26a1a839898f1fa016a374");
  EXPECT_EQ(HexEncode(MakeIpCipherKey("crypto is not a coin")), "06c4bad23a38b9e0ad9d0590b0a3d93a");
}

TEST(IpCipher, KeepsThePortAndWhatIsNotSet) {
  EXPECT_EQ(EncryptAddress(Address::Parse("192.0.2.1:53").value(), kKey).port(), 53);
  EXPECT_EQ(EncryptAddress(Address::Parse("[2001:db8::1]:53").value(), kKey).port(), 53);
  EXPECT_FALSE(EncryptAddress(Address(), kKey).IsSet());
}

TEST(IpCipher, AKeyHasSixteenOctets) {
  EXPECT_FALSE(IpCipherKeyFrom("short"));
  EXPECT_FALSE(IpCipherKeyFrom("seventeen octets!"));
}

IpPrefixKey PrefixKey() {
  const auto octets =
      HexDecode("0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301").value();
  return IpPrefixKeyFrom(AsText(octets)).value();
}
std::string KeepingPrefixes(const std::string& text) {
  return EncryptKeepingPrefixes(Address::Parse(text).value(), PrefixKey()).ToString();
}

// As published with draft-denis-ipcrypt.
TEST(IpPrefixCipher, GivesThePublishedAddresses) {
  EXPECT_EQ(KeepingPrefixes("0.0.0.0"), "151.82.155.134");
  EXPECT_EQ(KeepingPrefixes("255.255.255.255"), "94.185.169.89");
  EXPECT_EQ(KeepingPrefixes("192.0.2.1"), "100.115.72.131");
  EXPECT_EQ(KeepingPrefixes("2001:db8::1"), "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88");
}

TEST(IpPrefixCipher, NetworksStayTogetherAndThePortStays) {
  const Address one = EncryptKeepingPrefixes(Address::Parse("192.0.2.1:5").value(), PrefixKey());
  const Address two = EncryptKeepingPrefixes(Address::Parse("192.0.2.254").value(), PrefixKey());
  EXPECT_EQ(one.port(), 5);
  EXPECT_FALSE(one.SameHost(two));
  EXPECT_TRUE(one.Truncated(24).SameHost(two.Truncated(24)));
  EXPECT_FALSE(EncryptKeepingPrefixes(Address(), PrefixKey()).IsSet());
}

TEST(IpPrefixCipher, AKeyHasTwoHalvesThatDiffer) {
  EXPECT_FALSE(IpPrefixKeyFrom("short"));
  EXPECT_FALSE(IpPrefixKeyFrom(std::string(32, 'x')));
}

}  // namespace
}  // namespace breakwater
