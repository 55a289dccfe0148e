// RegexRule and RE2Rule. Both look at the name as text without the last dot ("" for the root),
// dots and backslashes inside a label escaped with a backslash, what is not printable as \DDD.
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/rules/selector.h"

namespace breakwater {

// POSIX extended, without regard to case; found anywhere in the name.
TextResult<SelectorPtr> MakeRegexSelector(const std::string& pattern);
// RE2, case counts; the whole name must match.
TextResult<SelectorPtr> MakeRe2Selector(const std::string& pattern);

}  // namespace breakwater
