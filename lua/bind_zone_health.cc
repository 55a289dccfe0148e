// Health by zone: setZoneHealth, showZones, addZoneStateChangeCallback, setAlertCommand.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lua/object_args.h"
#include "lua/script_bindings.h"
#include "proxy/control/zone_news.h"

namespace breakwater::lua {
namespace {

constexpr uint8_t kMostAnswers = 16;

void ReadFailover(Options& options, ZoneHealthSettings::Failover* failover) {
  using Failover = ZoneHealthSettings::Failover;
  std::string word;
  if (!options.Read("failover", &word)) return;
  if (word == "auto") {
    *failover = Failover::kAuto;
  } else if (word == "on") {
    *failover = Failover::kOn;
  } else if (word == "off") {
    *failover = Failover::kOff;
  } else {
    options.Reject(fmt::format("failover is \"auto\", \"on\" or \"off\", not \"{}\"", word));
  }
}

void ReadSerials(Options& options, ZoneHealthSettings& settings) {
  ZoneSerialSettings& serials = settings.serials;
  options.Read("serials", &serials.on);
  options.Read("lag", &serials.lag);
  options.Read("serialInterval", &serials.interval);
  options.Read("acceptOlderAfter", &serials.accept_older_after);
  if (serials.on && !settings.ask) {
    options.Reject(
        "serials are found out by questions of our own: ask must not be false, or serials must be");
  }
  constexpr uint32_t kLongest = ZoneSerialSettings::kLongestInterval;
  if (serials.interval < 1 || serials.interval > kLongest) {
    options.Reject(fmt::format("serialInterval must be 1 to {} seconds", kLongest));
  }
  if (serials.accept_older_after < serials.lag) {
    options.Reject(fmt::format("acceptOlderAfter must not be less than lag, which is {} seconds",
                               serials.lag));
  }
}

TextResult<void> SetZoneHealth(Call& call, Options options) {
  ZoneHealthSettings settings = call.builder().config().settings.zone_health;
  ReadFailover(options, &settings.failover);
  options.Read("ask", &settings.ask);
  options.Read("maxZones", &settings.max_zones);
  options.Read("bad", &settings.bad);
  options.Read("of", &settings.of);
  options.Read("good", &settings.good);
  ReadSerials(options, settings);
  if (settings.max_zones == 0) options.Reject("maxZones must be 1 or more");
  if (settings.of < 1 || settings.of > kMostAnswers) {
    options.Reject(fmt::format("of must be 1 to {}", kMostAnswers));
  }
  if (settings.bad < 1 || settings.bad > settings.of) {
    options.Reject(fmt::format("bad must be 1 to {}, which `of` is", settings.of));
  }
  if (settings.good < 1 || settings.good > kMostAnswers) {
    options.Reject(fmt::format("good must be 1 to {}", kMostAnswers));
  }
  if (auto good = options.Finish(); !good) return good;
  call.builder().Edit().settings.zone_health = settings;
  return {};
}

TextResult<void> ShowZones(Call& call, Options options) {
  bool all = false;
  size_t limit = 100;
  options.Read("all", &all);
  options.Read("limit", &limit);
  if (auto good = options.Finish(); !good) return good;
  const ControlTarget* target = call.runtime().target();
  if (target == nullptr) return Fail(std::string("there are no zones before the server runs"));
  call.Print(ZonesText(target->zone_health(), call.builder().config(),
                       {all ? ZoneHealth::Which::kAll : ZoneHealth::Which::kBad, limit},
                       target->clock()));
  return {};
}

TextResult<void> CheckProgram(const std::string& path) {
  struct stat status {};
  if (path.empty() || path[0] != '/') {
    return Fail(fmt::format("'{}' must be a program with its whole path", path));
  }
  if (stat(path.c_str(), &status) != 0) {
    return Fail(fmt::format("cannot run {}: {}", path, std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode) || access(path.c_str(), X_OK) != 0) {
    return Fail(fmt::format("{} is no program that can be run", path));
  }
  return {};
}

// No program: none is run.
TextResult<void> SetAlertCommand(Call& call, const std::optional<std::string>& program,
                                 Options options) {
  AlertSettings alert;
  StringOrList arguments;
  options.Read("args", &arguments);
  options.Read("interval", &alert.interval_s);
  options.Read("gather", &alert.gather_s);
  options.Read("timeout", &alert.timeout_s);
  if (alert.interval_s < 1) options.Reject("interval must be 1 second or more");
  if (alert.timeout_s < 1) options.Reject("timeout must be 1 second or more");
  if (program) {
    if (const auto good = CheckProgram(*program); !good) options.Reject(good.error());
    alert.command.push_back(*program);
    alert.command.insert(alert.command.end(), arguments.items.begin(), arguments.items.end());
  }
  if (auto good = options.Finish(); !good) return good;
  call.builder().Edit().settings.alert = std::move(alert);
  return {};
}

void AddZoneState(Call& call, const LuaFunction& callback) {
  call.runtime().callbacks().zone_state.push_back(callback);
}

constexpr FunctionRow kFunctions[] = {
    {"addZoneStateChangeCallback", Bind<&AddZoneState>, "addZoneStateChangeCallback(callback)",
     "Calls function(zone, server, bad, reason, serial) when a zone turns bad or good on a server; "
     "serial is \"\" unless the reason is \"older\"."},
    {"setAlertCommand", Bind<&SetAlertCommand>,
     "setAlertCommand(program [, {args={}, interval=8, gather=2, timeout=10}])",
     "Runs a program when zones turn bad or good again, or when no server of a pool's first tier "
     "is "
     "up any more; it reads which as JSON. nil: none."},
    {"setZoneHealth", Bind<&SetZoneHealth>,
     "setZoneHealth({failover=\"auto\", ask=true, maxZones=100000, bad=3, of=5, good=2, "
     "serials=false, lag=300, serialInterval=60, acceptOlderAfter=3600})",
     "When a zone is bad on a server, and whether its queries then go elsewhere; ask: queries "
     "of our own (SOA) learn zones, and ask for a name that nobody has asked for after a bad "
     "answer: "
     "the zone is bad once that has failed as well, and names that fail by themselves make none "
     "bad. "
     "serials: servers that stand "
     "behind the newest serial for more than lag seconds, or at once where they have told a newer "
     "one, are bad for the zone (\"older\") until they have caught up, or all agree for "
     "acceptOlderAfter; a hard suffix flush forgets it. Not where pools hold different zones of "
     "one "
     "name."},
    {"showZones", Bind<&ShowZones>, "showZones([{all=false, limit=100}])",
     "How servers answer for the zones that are bad, and since when they are, or for all."},
};

}  // namespace

FunctionPage ZoneHealthFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
