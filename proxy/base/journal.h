// systemd's journal in its native protocol: a datagram of fields to /run/systemd/journal/socket.
// Never waits: a line that the journal does not take at once is lost.
#pragma once

#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/result.h"

namespace breakwater {

inline constexpr std::string_view kJournalPath = "/run/systemd/journal/socket";

// The fields of a line. A text longer than 32 KiB is cut.
std::string JournalFields(LogLevel level, std::string_view subsystem, std::string_view text,
                          const WallTime& now);

// Has JournalSend() send from now on. An error where there is no journal; nothing is changed then.
TextResult<void> OpenJournal();
// The same for a configuration that wants it: kJournal, or kPairs and a line on stderr.
StructuredFormat JournalOrPairs();
// False where the line is lost. Any thread.
bool JournalSend(std::string_view fields);

}  // namespace breakwater
