// Encryption of addresses that gives addresses: ipcrypt for IPv4 (J.-P. Aumasson), one block of
// AES-128 for IPv6; together "ipcipher". Equal addresses stay equal; networks do not stay together.
// Pure functions; any thread.
#pragma once

#include <array>
#include <string_view>

#include "proxy/base/address.h"

namespace breakwater {

using IpCipherKey = std::array<uint8_t, 16>;

// From a password: PBKDF2 with HMAC-SHA1, 50,000 rounds, salt "ipcipheripcipher".
IpCipherKey MakeIpCipherKey(std::string_view password);
// 16 octets, else an error.
TextResult<IpCipherKey> IpCipherKeyFrom(std::string_view octets);

// The port stays. An address that is not set stays so.
Address EncryptAddress(const Address& address, const IpCipherKey& key);
Address DecryptAddress(const Address& address, const IpCipherKey& key);

}  // namespace breakwater
