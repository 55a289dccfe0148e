// What another implementation made (PyNaCl, and XChaCha20 as written out in
// tests/system/dnscrypt_client.py) of keys that are SHA-256 of "provider", "resolver", "client",
// and half a nonce that is the beginning of SHA-256 of "nonce". The certificates have the serials 8
// and 9 and are valid from 1700000000 until 1900000000; both queries hold kMessage, an A question
// for www.example.com, padded to 256 octets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace breakwater::dnscrypt::test {

inline std::vector<uint8_t> FromHex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// clang-format off
inline const std::vector<uint8_t> kProviderKey = FromHex(
    "1f583a483904bb1d4e75cf13a12a78aab6692381e0a6fa9ad8e88c9f272bb907");
inline const std::vector<uint8_t> kProviderSecret = FromHex(
    "5c4c1964340aca5b65393bbe9d3249cdd71be26665b3320ad694f034f27432831f583a483904bb1d4e75cf13a1"
    "2a78aab6692381e0a6fa9ad8e88c9f272bb907");
inline const std::vector<uint8_t> kResolverSecret = FromHex(
    "439c3635079b57a69aff22860369462fb9330c300fa4dbc70426f087192e369d");
inline const std::vector<uint8_t> kClientSecret = FromHex(
    "948fe603f61dc036b5c596dc09fe3ce3f3d30dc90f024c85f3c82db2ccab679d");
inline const std::vector<uint8_t> kMessage = FromHex(
    "12340100000100000000000003777777076578616d706c6503636f6d0000010001");
inline const std::vector<uint8_t> kXSalsa20Certificate = FromHex(
    "444e5343000100000233ffedebbb25b6539c6e1d4a9b6a5f4011139c52d0ce323a13e330610145f734708c0ddc"
    "f11293b6fd45bb6f33386eabc5aeb70899b672b173a680474aad0eee9746f00c1249aa00462e07d68e24f9b074"
    "02e5f5776aff17f307c2ad6fb06aee9746f00c1249aa000000086553f100713fb300");
inline const std::vector<uint8_t> kXSalsa20Query = FromHex(
    "ee9746f00c1249aa347e36bd8706095944b7ad01295e0a6977afaf52509275ee9f6cec39033d880f78377b5257"
    "57b494427f8901b67523f55a0d5649c8ca1282392486cf717af6e182c02f0d86e57494bc7b2c64b57611e6fae5"
    "e53c3399fce11c24ea5d0a7e3b1ec75775ae1b30e6f67468614a1c0e375ba4d1c6dc50f3d270ea3ca600c097a7"
    "d9da1086deef21b7799398e3625d574577bde681175917840f4b3ba11186d778927e79cfd76d43ce924100673f"
    "c53a83ffc63b157b3967730bc85f288d48cf969b00da31542a6ce21312e14308f860b69352a4bb81f21bf3de76"
    "d44dd3097787261870ba9a6c3308087099c91e51c313ea4af3527483d68e6bd522a54c5eff37e90adea995c6ab"
    "23ee16285d7d0942d33bd8c805b823944abf41d0b3fcc3a3ce1145677de761004d28e9823a11685dbe1280bb46"
    "778c68dc0fe263855c");
inline const std::vector<uint8_t> kXSalsa20Key = FromHex(
    "99eef8f24704218a26546f208c8fbd2eed881dc90623783e9565c03b1df5aa0a");
inline const std::vector<uint8_t> kXChaCha20Certificate = FromHex(
    "444e534300020000cb6eb638871ccee06ceafdc6ba49d789dc41e4fd68a898541421a3ffdf81f6ae4e5811fc15"
    "59525380ced4443d7d178baaf0e06fc8ab3ddac47fe4539b76c604ee9746f00c1249aa00462e07d68e24f9b074"
    "02e5f5776aff17f307c2ad6fb06aee9746f00c1249aa000000096553f100713fb300");
inline const std::vector<uint8_t> kXChaCha20Query = FromHex(
    "ee9746f00c1249aa347e36bd8706095944b7ad01295e0a6977afaf52509275ee9f6cec39033d880f78377b5257"
    "57b494427f89016e1edf8720445b1184703e0e1dcc7fabf6e1ffc9713174a10d17cd23d6590744f57061b88898"
    "39f6245dfba926e5851de656078e76dfa74f16a116ff7dcdd366be232bd06a6485d2a04d338b28dd5c65f0fbb6"
    "b12b147653903eb64e1b27e9b1206be86106fd59c51575375046d25a3e68ec2a7eff9c2806580a7042110e43f6"
    "826c4037bbbd936adade590a514f1e64c5ebb9fc6a0eadca38ecfed60392505f7fa152853c9333dd2e146f8999"
    "8cb16133a9417c834badfbe5d5fbb5ca4ab189e6801da4f78ecf877fb1a5e8ce5606c557ef3d9851b41720785d"
    "bf2f33a9744703b3936c94b7bf98736ed82639a4d84d8a3b93a7bf5c039c241db1aadce3c9be8dd51e04db4e65"
    "3699e8c246ea3efaeb");
inline const std::vector<uint8_t> kXChaCha20Key = FromHex(
    "9d9348c44a7cb0287e16a7ec67d3dff6e6acf99e5ed3e4e04c2981d5b9835ba4");
// clang-format on

}  // namespace breakwater::dnscrypt::test
