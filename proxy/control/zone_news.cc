#include "proxy/control/zone_news.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

std::string SerialColumn(const ZoneOnBackend& one) {
  if (!one.serial) return "-";
  const ToldSerial& told = *one.serial;
  return told.IsBehind() ? fmt::format("{}, behind {}", told.serial, told.newest)
                         : fmt::format("{}", told.serial);
}

// The log of a night in which all zones turn bad is still to be read.
constexpr size_t kMostLines = 20;

}  // namespace

int64_t WallSince(const ZoneOnBackend& one, const Clock& clock) {
  return clock.WallSeconds() - (clock.Now() - one.since).seconds();
}

std::string ServerNameOf(const Config& config, BackendNumber number) {
  for (const BackendPtr& backend : config.backends) {
    if (backend->number() == number) return backend->NameWithAddress();
  }
  return "a server that is gone";
}

std::string UtcText(int64_t wall_s) {
  const auto seconds = static_cast<std::time_t>(wall_s);
  std::tm utc{};
  return gmtime_r(&seconds, &utc) == nullptr ? "-" : fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

std::string ZoneNews::SerialText() const {
  return kind == BadKind::kOlder && serial ? serial->ToString() : "";
}

std::vector<ZoneNews> NewsOf(const std::vector<ZoneChange>& changes, const Config& config) {
  std::vector<ZoneNews> news;
  news.reserve(changes.size());
  for (const ZoneChange& change : changes) {
    news.push_back({.zone = change.zone,
                    .server = ServerNameOf(config, change.backend),
                    .is_bad = change.is_bad,
                    .kind = change.kind,
                    .when = change.when,
                    .serial = change.serial,
                    .accepted = change.accepted});
  }
  return news;
}

std::string ZonesText(const ZoneHealth& zones, const Config& config, const ZonesShown& shown,
                      const Clock& clock) {
  std::string text = fmt::format("{:<40} {:<36} {:<5} {:<20} {:>10} {:>10} {:<9} {}\n", "Zone",
                                 "Server", "State", "Since", "Good", "Bad", "Last bad", "Serial");
  for (const ZoneReport& report : zones.Report(shown.which, shown.most)) {
    for (const ZoneOnBackend& one : report.backends) {
      const bool never_bad = !one.is_bad && one.AllBad() == 0;
      text +=
          fmt::format("{:<40} {:<36} {:<5} {:<20} {:>10} {:>10} {:<9} {}\n", report.zone.ToString(),
                      ServerNameOf(config, one.backend), one.is_bad ? "bad" : "good",
                      one.is_bad ? UtcText(WallSince(one, clock)) : "-", one.good, one.AllBad(),
                      never_bad ? "-" : NameOf(one.last_bad), SerialColumn(one));
    }
  }
  return text + fmt::format("{} zones known, {} bad\n", zones.zone_count(), zones.bad_count());
}

void LogZoneNews(const std::vector<ZoneNews>& news) {
  const size_t lines = std::min(news.size(), kMostLines);
  for (size_t i = 0; i < lines; ++i) {
    const ZoneNews& one = news[i];
    const std::string serial = one.SerialText();
    if (one.is_bad) {
      LogWarning("zones", "zone {} is bad on {}: its answers are {}{}{}", one.zone.ToString(),
                 one.server, NameOf(one.kind), serial.empty() ? "" : ": ", serial);
    } else if (one.accepted) {
      LogWarning("zones",
                 "zone {} is good again on {}: {}, yet all servers that answer have agreed on that "
                 "for acceptOlderAfter: it is taken as meant",
                 one.zone.ToString(), one.server, serial);
    } else {
      LogInfo("zones", "zone {} is good again on {}", one.zone.ToString(), one.server);
    }
  }
  if (news.size() > lines) {
    LogWarning("zones", "{} more zones changed in this second; showZones() lists the bad ones",
               news.size() - lines);
  }
}

}  // namespace breakwater
