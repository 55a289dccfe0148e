// Whether two nameservers say the same to one question; what a drill compares (drills.h).
//
// The same are answers with equal rcode (with the OPT's upper bits) and AA, and with the same set
// of records in the answer section: owner, type, class and data, in any order, whatever their TTLs,
// letters of either case in all names. Of a signature counts what it is for and by which key, not
// its dates nor itself: many servers sign as they answer. Of an answer without records counts whose
// it is: the owner of the SOA, or of a referral the owner and targets of its NS. The additional
// section and what else stands in the authority section is left to each server, and so is EDNS.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace breakwater {

// Whether it can be compared: sound, of one question, not cut (TC).
bool IsComparable(std::span<const uint8_t> answer);

// Nothing where they are equal; else one sentence on the difference, the first tier's first. What
// is not sound differs from everything.
std::optional<std::string> DifferenceOf(std::span<const uint8_t> first,
                                        std::span<const uint8_t> standby);

}  // namespace breakwater
