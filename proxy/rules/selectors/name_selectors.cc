#include "proxy/rules/selectors/name_selectors.h"

#include <fmt/format.h>

#include "proxy/rules/selectors/simple_selector.h"

namespace breakwater {
namespace {

unsigned CountLabels(std::span<const uint8_t> name) {
  unsigned labels = 0;
  for (size_t at = 0; name[at] != 0; at += 1u + name[at]) ++labels;
  return labels;
}

}  // namespace

SelectorPtr MakeQNameSelector(const dns::Name& name) {
  return MakeSimpleSelector("qname==" + name.ToString(), [name](const Query& query, RuleContext&) {
    return dns::EqualFold(query.name(), name.wire());
  });
}

SelectorPtr MakeQNameSuffixSelector(SuffixMatchTree suffixes, NameSelectorOptions options) {
  std::string text = options.quiet ? "qname==in-set" : "qname in " + suffixes.ToString();
  return MakeSimpleSelector(std::move(text),
                            [suffixes = std::move(suffixes)](const Query& query, RuleContext&) {
                              return suffixes.Matches(query.name());
                            });
}

SelectorPtr MakeQNameSetSelector(NameSet names) {
  std::string text = fmt::format("qname in DNSNameSet({} FQDNs)", names.size());
  return MakeSimpleSelector(std::move(text),
                            [names = std::move(names)](const Query& query, RuleContext&) {
                              return names.Matches(query.name());
                            });
}

SelectorPtr MakeQNameLabelsCountSelector(unsigned min, unsigned max) {
  return MakeSimpleSelector(fmt::format("labels count < {} || labels count > {}", min, max),
                            [min, max](const Query& query, RuleContext&) {
                              const unsigned labels = CountLabels(query.name());
                              return labels < min || labels > max;
                            });
}

SelectorPtr MakeQNameWireLengthSelector(unsigned min, unsigned max) {
  return MakeSimpleSelector(fmt::format("wire length < {} || wire length > {}", min, max),
                            [min, max](const Query& query, RuleContext&) {
                              const size_t length = query.name().size();
                              return length < min || length > max;
                            });
}

}  // namespace breakwater
