#include "proxy/base/journal.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/base/guarded.h"
#include "proxy/base/log_stamp.h"
#include "proxy/base/unique_fd.h"

namespace breakwater {
namespace {

constexpr size_t kMostText = 32 * 1024;

Guarded<UniqueFd>& Socket() {
  static Guarded<UniqueFd> socket;
  return socket;
}

sockaddr_un JournalAddress() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(kJournalPath.begin(), kJournalPath.end(), address.sun_path);
  return address;
}

// A value of several lines has its length in front, 64 bits with the lowest octet first.
void AppendField(std::string& fields, std::string_view name, std::string_view value) {
  fields += name;
  if (value.find('\n') == std::string_view::npos) {
    fields += '=';
  } else {
    fields += '\n';
    for (unsigned shift = 0; shift < 64; shift += 8) {
      fields += static_cast<char>(uint64_t{value.size()} >> shift);
    }
  }
  fields += value;
  fields += '\n';
}

}  // namespace

std::string JournalFields(LogLevel level, std::string_view subsystem, std::string_view text,
                          const WallTime& now) {
  std::string fields;
  AppendField(fields, "MESSAGE", text.substr(0, kMostText));
  AppendField(fields, "LEVEL", "0");
  AppendField(fields, "PRIORITY", std::to_string(static_cast<int>(level)));
  AppendField(fields, "SUBSYSTEM", subsystem);
  const LogStamp stamp = GetLogStamp();
  if (stamp.has_instance) AppendField(fields, "INSTANCE", stamp.instance);
  AppendField(fields, "TIMESTAMP", stamp.TimeText(now));
  return fields;
}

TextResult<void> OpenJournal() {
  const sockaddr_un address = JournalAddress();
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Only to see whether somebody is there: what is sent names the path, so that a journal that is
  // started anew gets the lines too.
  const UniqueFd trial(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || !trial.valid() ||
      connect(trial.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return Fail(fmt::format("no journal at {}: {}", kJournalPath, std::strerror(errno)));
  }
  Socket().With([&](UniqueFd& kept) { kept = std::move(fd); });
  return {};
}

StructuredFormat JournalOrPairs() {
  const auto opened = OpenJournal();
  if (opened) return StructuredFormat::kJournal;
  fmt::print(stderr, "structured logging: {}; lines go to the standard output\n", opened.error());
  return StructuredFormat::kPairs;
}

bool JournalSend(std::string_view fields) {
  const sockaddr_un address = JournalAddress();
  return Socket().With([&](const UniqueFd& fd) {
    return fd.valid() && sendto(fd.get(), fields.data(), fields.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), sizeof(address)) >= 0;
  });
}

}  // namespace breakwater
