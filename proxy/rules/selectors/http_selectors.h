// Selectors on what encrypted transports tell beside the message: HTTP's path and headers, the name
// of the TLS handshake. Queries that came another way never match.
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/rules/selector.h"

namespace breakwater {

// Expressions are RE2's, found anywhere, letter case does not matter.
TextResult<SelectorPtr> MakeHttpHeaderSelector(const std::string& name, const std::string& regex);
TextResult<SelectorPtr> MakeHttpPathRegexSelector(const std::string& regex);
SelectorPtr MakeHttpPathSelector(std::string path);
SelectorPtr MakeSniSelector(std::string name);

}  // namespace breakwater
