#include "proxy/rules/selectors/message_selectors.h"

#include <fmt/format.h>

#include <array>

#include "proxy/dns/record_walker.h"
#include "proxy/rules/selectors/simple_selector.h"

namespace breakwater {
namespace {

// Of the message as it is now: the query path keeps the query's, an answer's is looked for.
dns::Edns CurrentEdns(const Query& query) {
  if (!query.is_response) return query.edns;
  return dns::FindEdns(query.message(), query.records_start()).value_or(dns::Edns{});
}

std::string_view SectionText(dns::Section section) {
  static constexpr std::array<std::string_view, 4> kNames = {"QD", "AN", "NS", "AR"};
  return kNames[static_cast<size_t>(section) & 3];
}

}  // namespace

SelectorPtr MakeQTypeSelector(dns::Type type) {
  return MakeSimpleSelector(
      "qtype==" + dns::TypeName(type),
      [type](const Query& query, RuleContext&) { return query.question.type == type; });
}

SelectorPtr MakeQClassSelector(dns::Class cls) {
  return MakeSimpleSelector(
      fmt::format("qclass=={}", static_cast<uint16_t>(cls)),
      [cls](const Query& query, RuleContext&) { return query.question.cls == cls; });
}

SelectorPtr MakeOpcodeSelector(uint8_t opcode) {
  return MakeSimpleSelector(fmt::format("opcode=={}", opcode),
                            [opcode](const Query& query, RuleContext&) {
                              return static_cast<uint8_t>(query.header().opcode()) == opcode;
                            });
}

SelectorPtr MakeRdSelector() {
  return MakeSimpleSelector(
      "rd==1", [](const Query& query, RuleContext&) { return query.header().Has(dns::kFlagRd); });
}

SelectorPtr MakeDnssecSelector() {
  return MakeSimpleSelector("DNSSEC", [](const Query& query, RuleContext&) {
    return query.header().Has(dns::kFlagCd) || CurrentEdns(query).dnssec_ok;
  });
}

SelectorPtr MakeRCodeSelector(uint8_t rcode) {
  return MakeSimpleSelector("rcode==" + dns::RCodeName(static_cast<dns::RCode>(rcode)),
                            [rcode](const Query& query, RuleContext&) {
                              return static_cast<uint16_t>(query.header().rcode()) == rcode;
                            });
}

SelectorPtr MakeERCodeSelector(uint16_t ercode) {
  return MakeSimpleSelector("ercode==" + dns::RCodeName(static_cast<dns::RCode>(ercode)),
                            [ercode](const Query& query, RuleContext&) {
                              const auto low = static_cast<unsigned>(query.header().rcode());
                              if (low != (ercode & 15u)) return false;
                              const dns::Edns edns = CurrentEdns(query);
                              return edns.present && edns.extended_rcode == ercode >> 4;
                            });
}

SelectorPtr MakeEdnsVersionSelector(uint8_t version) {
  return MakeSimpleSelector(fmt::format("ednsversion>{}", version),
                            [version](const Query& query, RuleContext&) {
                              const dns::Edns edns = CurrentEdns(query);
                              return edns.present && edns.version > version;
                            });
}

SelectorPtr MakeEdnsOptionSelector(uint16_t code) {
  return MakeSimpleSelector(
      fmt::format("ednsoptcode=={}", code), [code](const Query& query, RuleContext&) {
        bool found = false;
        dns::ForEachOption(query.message(), CurrentEdns(query), [&](dns::OptionCode at, auto) {
          found = static_cast<uint16_t>(at) == code;
          return !found;
        });
        return found;
      });
}

SelectorPtr MakeRecordsCountSelector(dns::Section section, RecordsRange range) {
  return MakeSimpleSelector(
      fmt::format("{} <= records in {} <= {}", range.min, SectionText(section), range.max),
      [section, range](const Query& query, RuleContext&) {
        const unsigned count = query.header().count(section);
        return count >= range.min && count <= range.max;
      });
}

SelectorPtr MakeRecordsTypeCountSelector(dns::Section section, dns::Type type, RecordsRange range) {
  return MakeSimpleSelector(
      fmt::format("{} <= {} records in {} <= {}", range.min, dns::TypeName(type),
                  SectionText(section), range.max),
      [section, type, range](const Query& query, RuleContext&) {
        unsigned count = 0;
        if (section == dns::Section::kQuestion) {
          count = query.header().count(section) > 0 && query.question.type == type ? 1 : 0;
        } else {
          dns::RecordWalker walker(query.message(), query.records_start());
          while (walker.Next()) {
            const dns::Record& record = walker.record();
            if (record.section == section && record.type == type) ++count;
          }
          if (!walker.ok()) return false;
        }
        return count >= range.min && count <= range.max;
      });
}

SelectorPtr MakeTrailingDataSelector() {
  return MakeSimpleSelector("trailing data", [](const Query& query, RuleContext&) {
    const auto end = dns::RecordsEnd(query.message(), query.records_start());
    return end && *end < query.size;
  });
}

TextResult<SelectorPtr> MakePayloadSizeSelector(std::string_view comparison, size_t size) {
  struct Comparison {
    std::string_view name;
    std::string_view text;
    // Which of "smaller", "equal" and "greater" match.
    bool less, equal, greater;
  };
  static constexpr std::array<Comparison, 5> kComparisons = {{
      {"equal", "equal to", false, true, false},
      {"greater", "greater than", false, false, true},
      {"greaterOrEqual", "equal to or greater than", false, true, true},
      {"smaller", "smaller than", true, false, false},
      {"smallerOrEqual", "equal to or smaller than", true, true, false},
  }};
  for (const Comparison& known : kComparisons) {
    if (known.name != comparison) continue;
    return MakeSimpleSelector(fmt::format("payload size is {} {}", known.text, size),
                              [known, size](const Query& query, RuleContext&) {
                                if (query.size == size) return known.equal;
                                return query.size < size ? known.less : known.greater;
                              });
  }
  return Fail(
      fmt::format("unknown comparison \"{}\"; known are equal, greater, greaterOrEqual, "
                  "smaller and smallerOrEqual",
                  comparison));
}

}  // namespace breakwater
