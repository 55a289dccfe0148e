// Selectors on the message itself: header, question, EDNS, records. In response chains they
// look at the answer.
#pragma once

#include <string_view>

#include "proxy/base/result.h"
#include "proxy/dns/types.h"
#include "proxy/rules/selector.h"

namespace breakwater {

SelectorPtr MakeQTypeSelector(dns::Type type);
SelectorPtr MakeQClassSelector(dns::Class cls);
SelectorPtr MakeOpcodeSelector(uint8_t opcode);
SelectorPtr MakeRdSelector();
// CD is set or EDNS says DO, as dnsdist's DNSSECRule.
SelectorPtr MakeDnssecSelector();
SelectorPtr MakeRCodeSelector(uint8_t rcode);          // the header's four bits
SelectorPtr MakeERCodeSelector(uint16_t ercode);       // with the OPT's; no match without an OPT
SelectorPtr MakeEdnsVersionSelector(uint8_t version);  // a higher version than this
SelectorPtr MakeEdnsOptionSelector(uint16_t code);

struct RecordsRange {
  unsigned min = 0;
  unsigned max = 0;
};
// What the header says.
SelectorPtr MakeRecordsCountSelector(dns::Section section, RecordsRange range);
// What is really there. A message whose records do not add up does not match.
SelectorPtr MakeRecordsTypeCountSelector(dns::Section section, dns::Type type, RecordsRange range);
SelectorPtr MakeTrailingDataSelector();
// "equal", "greater", "greaterOrEqual", "smaller", "smallerOrEqual".
TextResult<SelectorPtr> MakePayloadSizeSelector(std::string_view comparison, size_t size);

}  // namespace breakwater
