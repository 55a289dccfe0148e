// Encryption of addresses that gives addresses: ipcrypt for IPv4 (J.-P. Aumasson), one block of
// AES-128 for IPv6; together "ipcipher". Equal addresses stay equal; networks do not stay together.
// With ipcrypt-pfx (draft-denis-ipcrypt) they do: addresses that share their first N bits still do.
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

// Two keys of AES-128 behind each other.
using IpPrefixKey = std::array<uint8_t, 32>;
// 32 octets whose halves differ, else an error.
TextResult<IpPrefixKey> IpPrefixKeyFrom(std::string_view octets);
// The port and the family stay. Costs up to 256 blocks of AES.
Address EncryptKeepingPrefixes(const Address& address, const IpPrefixKey& key);

}  // namespace breakwater
