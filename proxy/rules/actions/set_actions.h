// Actions that note something about the query and go on: tags, cache, TTL cap, header bits,
// extended errors, values of the PROXY protocol.
#pragma once

#include <string>

#include "proxy/rules/action.h"

namespace breakwater {

struct ExtendedErrorNote {
  uint16_t code = 0;
  std::string text;
  bool clear = true;  // forgets what was noted before, and the answer's own
};

ActionPtr MakeSetTagAction(std::string name, std::string value);
ActionPtr MakeUnsetTagAction(std::string name);
ActionPtr MakeSetSkipCacheAction();
ActionPtr MakeSetTempFailureCacheTtlAction(uint32_t ttl);
ActionPtr MakeSetNoRecurseAction();          // clears RD
ActionPtr MakeSetDisableValidationAction();  // sets CD
ActionPtr MakeSetExtendedDnsErrorAction(ExtendedErrorNote note);
ActionPtr MakeSetMaxReturnedTtlAction(uint32_t max);  // 0: no cap
ActionPtr MakeSetProxyValuesAction(ProxyValues values);
ActionPtr MakeAddProxyValueAction(uint8_t type, std::string value);

// The same for answers.
ResponseActionPtr MakeSetTagResponseAction(std::string name, std::string value);
ResponseActionPtr MakeUnsetTagResponseAction(std::string name);
ResponseActionPtr MakeSetSkipCacheResponseAction();
ResponseActionPtr MakeSetExtendedDnsErrorResponseAction(ExtendedErrorNote note);
ResponseActionPtr MakeSetMaxReturnedTtlResponseAction(uint32_t max);

// Written when the answer leaves. Also dq:setExtendedDNSError in Lua.
void NoteExtendedError(Query& query, const ExtendedErrorNote& note);

}  // namespace breakwater
