// The content of an SVCB record (RFC 9460), untrusted: parsed on the bounds-checked cursor. What
// the RFC calls malformed is an error of the whole record.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/dns/name.h"

namespace breakwater::dns {

struct Svcb {
  uint16_t priority = 0;  // 0: an alias, whose parameters mean nothing (RFC 9460, 2.4.2)
  Name target;            // the root stands for the record's owner
  std::vector<uint16_t> mandatory;
  std::vector<std::string> alpn;
  std::optional<uint16_t> port;
  std::vector<Address> hints;  // of both families, without a port
  // All parameters as they came, keys ascending.
  std::vector<std::pair<uint16_t, std::string>> parameters;

  // Null where there is none of that key.
  const std::string* Find(uint16_t key) const;
};

// kTruncated: fields run past the end. kBadLabel, kNameTooLong: of the target. kBadPointer: the
// target is compressed. kBadOption: keys that do not ascend, or a value that its key does not
// allow.
Result<Svcb> ParseSvcb(std::span<const uint8_t> rdata);

}  // namespace breakwater::dns
