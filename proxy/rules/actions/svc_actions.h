// SpoofSVCAction: answers with SVCB or HTTPS records (RFC 9460) made from parameters.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/dns/name.h"
#include "proxy/rules/action.h"
#include "proxy/rules/spoof.h"

namespace breakwater {

// One record: what Lua's newSVCRecordParameters makes.
struct SvcRecord {
  uint16_t priority = 0;  // 0: alias, which takes no parameters
  dns::Name target;
  std::set<uint16_t> mandatory;
  std::vector<std::string> alpns;
  bool no_default_alpn = false;
  std::optional<uint16_t> port;
  std::string ech;
  std::vector<Address> ipv4_hints;
  std::vector<Address> ipv6_hints;
  std::map<uint16_t, std::string> additional;  // other keys, values as on the wire
};

// The RDATA, keys in ascending order. An error where the parameters cannot be encoded.
TextResult<std::string> EncodeSvcRecord(const SvcRecord& record);

// Records in the given order, of the question's name and type; hints also as A and AAAA in the
// additional section, each once. Where the answer is too large the rules go on.
TextResult<ActionPtr> MakeSpoofSvcAction(const std::vector<SvcRecord>& records,
                                         SpoofOptions options = {});

// The same at once, on the query's worker; false where the answer is too large.
TextResult<bool> AnswerSvc(Query& query, RuleContext& context,
                           const std::vector<SvcRecord>& records, const SpoofOptions& options);

}  // namespace breakwater
