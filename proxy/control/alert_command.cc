#include "proxy/control/alert_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/base/log.h"

namespace breakwater {
namespace {

using nlohmann::json;

constexpr size_t kMostNames = 50;  // of a variable

std::string Utc(int64_t seconds) {
  const time_t when = static_cast<time_t>(seconds);
  tm parts{};
  gmtime_r(&when, &parts);
  char text[32] = "";
  strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// One list of the JSON object, and the names for the environment.
struct Side {
  json list = json::array();
  std::string names;

  void Add(const ZoneNews& news, int64_t since) {
    json one = {{"zone", news.zone.ToString()}, {"server", news.server}, {"since", Utc(since)}};
    if (news.is_bad) one["kind"] = NameOf(news.kind);
    if (news.kind == BadKind::kOlder && news.serial) {
      one["serial"] = news.serial->serial;
      one["newest-serial"] = news.serial->newest;
    }
    if (list.size() < kMostNames) names += (names.empty() ? "" : " ") + news.zone.ToString();
    list.push_back(std::move(one));
  }
};

}  // namespace

AlertCommand::~AlertCommand() {
  loop_.timers().Cancel(timer_);
}

void AlertCommand::Add(const News& news, const AlertSettings& settings) {
  settings_ = settings;
  if (settings_.command.empty()) {
    pending_ = {};
    return;
  }
  for (const ZoneNews& one : news.zones) Note(one);
  for (const PoolNews& one : news.pools) Note(one);
  Schedule();
}

void AlertCommand::Note(const ZoneNews& news) {
  const auto key = std::make_pair(news.zone.ToString(), news.server);
  const auto known = pending_.zones.find(key);
  if (known != pending_.zones.end()) {
    if (known->second.is_bad != news.is_bad) pending_.zones.erase(known);
  } else if (pending_.zones.size() < kMostChanges) {
    pending_.zones.emplace(key, news);
  } else {
    ++left_out_;
  }
}

void AlertCommand::Note(const PoolNews& news) {
  const auto [known, is_new] = pending_.pools.emplace(news.pool, news);
  if (!is_new && known->second.is_down != news.is_down) pending_.pools.erase(known);
}

void AlertCommand::Schedule() {
  if (pending_.empty() || timer_ != 0 || running_ != nullptr) return;
  MonoTime when = loop_.now() + MonoTime::FromSeconds(settings_.gather_s);
  if (ran_) when = std::max(when, last_start_ + MonoTime::FromSeconds(settings_.interval_s));
  timer_ = loop_.timers().Add(when, [this] {
    timer_ = 0;
    Run();
  });
}

ChildSettings AlertCommand::Prepare() const {
  const int64_t now = WallNow().seconds;
  Side bad;
  Side good;
  const auto since = [&](MonoTime when) {
    return now - std::max<int64_t>(0, (loop_.now() - when).seconds());
  };
  for (const auto& [key, news] : pending_.zones) {
    (news.is_bad ? bad : good).Add(news, since(news.when));
  }
  json pools_down = json::array();
  json pools_up = json::array();
  for (const auto& [name, news] : pending_.pools) {
    (news.is_down ? pools_down : pools_up)
        .push_back({{"pool", name}, {"since", Utc(since(news.when))}});
  }
  ChildSettings child{.command = settings_.command,
                      .time_limit = MonoTime::FromSeconds(settings_.timeout_s)};
  child.environment = {"BREAKWATER_EVENT=zones",
                       fmt::format("BREAKWATER_BAD={}", bad.list.size()),
                       fmt::format("BREAKWATER_GOOD={}", good.list.size()),
                       "BREAKWATER_BAD_ZONES=" + bad.names,
                       "BREAKWATER_GOOD_ZONES=" + good.names,
                       fmt::format("BREAKWATER_POOLS_DOWN={}", pools_down.size()),
                       fmt::format("BREAKWATER_POOLS_UP={}", pools_up.size())};
  json event = {{"event", "zones"},
                {"time", Utc(now)},
                {"bad", std::move(bad.list)},
                {"good", std::move(good.list)},
                {"pools-down", std::move(pools_down)},
                {"pools-up", std::move(pools_up)}};
  if (left_out_ != 0) event["left-out"] = left_out_;
  child.input = event.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
  return child;
}

void AlertCommand::Run() {
  if (pending_.empty() || settings_.command.empty()) return;
  const ChildSettings child = Prepare();
  told_ = std::exchange(pending_, {});
  left_out_ = 0;
  ran_ = true;
  last_start_ = loop_.now();
  counters_.Add(Metric::kAlertCommands);
  auto started = ChildProcess::Start(loop_, child, [this](const ChildEnd& end) { OnDone(end); });
  if (!started) return OnFailure(started.error());
  running_ = std::move(*started);
}

void AlertCommand::OnFailure(const std::string& why) {
  counters_.Add(Metric::kAlertCommandFailures);
  LogError("alert", "the alert command failed: {}; what it had to tell comes with the next", why);
  const Changes later = std::exchange(pending_, std::exchange(told_, {}));
  for (const auto& [key, news] : later.zones) Note(news);
  for (const auto& [name, news] : later.pools) Note(news);
  Schedule();
}

void AlertCommand::OnDone(const ChildEnd& end) {
  running_.reset();
  if (!end.Succeeded()) return OnFailure("it " + end.ToString());
  LogInfo("alert", "the alert command {}, it told of {} changes", end.ToString(), told_.size());
  told_ = {};
  Schedule();
}

}  // namespace breakwater
