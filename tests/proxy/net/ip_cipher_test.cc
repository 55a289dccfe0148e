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

}  // namespace
}  // namespace breakwater
