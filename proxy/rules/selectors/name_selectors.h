// Selectors on the question's name. Names and sets are copied when the selector is made.
#pragma once

#include "proxy/dns/name.h"
#include "proxy/rules/name_set.h"
#include "proxy/rules/selector.h"
#include "proxy/rules/suffix_match_tree.h"

namespace breakwater {

struct NameSelectorOptions {
  bool quiet = false;  // the names are not shown
};

SelectorPtr MakeQNameSelector(const dns::Name& name);
// SuffixMatchNodeRule and QNameSuffixRule.
SelectorPtr MakeQNameSuffixSelector(SuffixMatchTree suffixes, NameSelectorOptions options = {});
SelectorPtr MakeQNameSetSelector(NameSet names);
// Both match OUTSIDE of the range: fewer than `min` or more than `max`.
SelectorPtr MakeQNameLabelsCountSelector(unsigned min, unsigned max);
SelectorPtr MakeQNameWireLengthSelector(unsigned min, unsigned max);

}  // namespace breakwater
