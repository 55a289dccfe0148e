#include "proxy/control/ctl_flush_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "proxy/base/clock.h"
#include "proxy/control/ctl_text.h"

namespace breakwater {
namespace {

using nlohmann::json;

// Of lines in one request: escaped, they stay below kMaxControlLine.
constexpr size_t kMostText = 28 * 1024;
constexpr MonoTime kFirstLook = MonoTime::FromMs(5);
constexpr MonoTime kLook = MonoTime::FromMs(200);  // at how far it is

// While it lives SIGINT and SIGTERM wait to be asked for.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&held_);
    sigaddset(&held_, SIGINT);
    sigaddset(&held_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~HeldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // Waits for so long; true where a signal came.
  bool Wait(MonoTime time) const {
    const timespec limit{.tv_sec = time.ns / 1'000'000'000, .tv_nsec = time.ns % 1'000'000'000};
    return sigtimedwait(&held_, nullptr, &limit) > 0;
  }

 private:
  sigset_t held_;
  sigset_t before_;
};

// Members of a reply; nothing where it has them otherwise, as another version of the server may.
bool IsOk(const json& reply) {
  const auto found = reply.find("ok");
  return found != reply.end() && *found == true;
}
std::string TextOf(const json& reply, const char* member) {
  const auto found = reply.find(member);
  return found != reply.end() && found->is_string() ? found->get<std::string>() : std::string();
}
double NumberOf(const json& reply, const char* member) {
  const auto found = reply.find(member);
  return found != reply.end() && found->is_number() ? found->get<double>() : 0;
}
uint64_t CountOf(const json& reply, const char* member) {
  return static_cast<uint64_t>(std::max(0.0, NumberOf(reply, member)));
}

class Run {
 public:
  Run(const CtlOptions& options, const CtlOutput& output, CtlClient& client)
      : options_(options), output_(output), client_(client) {}

  CtlExit Go(const ListedFlushes& list) {
    for (const auto& [line, text] : list.problems) {
      output_.err << fmt::format("breakwaterctl: line {}: {}\n", line, text);
    }
    if (options_.strict && !list.problems.empty()) {
      return Refuse({{"code", "bad-list"},
                     {"error", fmt::format("{} lines of the list are not understood: nothing done",
                                           list.problems.size())}},
                    list);
    }
    if (!Send(list)) return broken_ ? NoServer() : Refuse(reply_, list);
    if (!Follow()) return broken_ ? NoServer() : Refuse(reply_, list);
    EndProgress();
    return Summarize(list);
  }

  CtlExit Stop() {
    job_ = options_.first_id;
    json request = {{"command", "flush-list-stop"}, {"job", job_}};
    if (options_.undo) request["undo"] = true;
    if (!Ask(request) || !Follow()) return broken_ ? NoServer() : Refuse(reply_, {});
    if (options_.json) {
      output_.out << reply_.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    } else {
      output_.out << CtlListText(reply_, std::to_string(CountOf(reply_, "failed"))) << std::flush;
    }
    return CountOf(reply_, "not-undone") > 0 ? CtlExit::kFailed : CtlExit::kDone;
  }

 private:
  // One round trip into reply_; false where the server refuses, or is gone (broken_).
  bool Ask(const json& request) {
    auto reply = client_.Request(request);
    if (!reply) {
      error_ = reply.error();
      broken_ = true;
      return false;
    }
    reply_ = std::move(*reply);
    return IsOk(reply_);
  }

  bool Send(const ListedFlushes& list) {
    json begin = {{"command", "flush-list"}};
    if (options_.rate > 0) begin["rate"] = options_.rate;
    if (!options_.stop_on.empty()) begin["stop-on"] = options_.stop_on;
    if (options_.undo_on_stop) begin["undo-on-stop"] = true;
    if (options_.pool_set) begin["pool"] = options_.pool;
    if (!Ask(begin)) return false;
    job_ = CountOf(reply_, "job");
    std::string text;
    for (size_t i = 0; i < list.lines.size(); ++i) {
      text += list.lines[i];
      text += '\n';
      if (text.size() < kMostText && i + 1 < list.lines.size()) continue;
      if (!Ask({{"command", "flush-list-add"}, {"job", job_}, {"lines", text}})) return GiveUp();
      text.clear();
    }
    return Ask({{"command", "flush-list-run"}, {"job", job_}}) || GiveUp();
  }

  // The list was refused: nobody is to wait for the rest of it. False.
  bool GiveUp() {
    if (!broken_) (void)client_.Request({{"command", "flush-list-stop"}, {"job", job_}});
    return false;
  }

  bool Follow() {
    const HeldSignals signals;
    MonoTime look = kFirstLook;
    for (;;) {
      ShowProgress();
      const std::string state = TextOf(reply_, "state");
      if (state == "done" || state == "stopped") return true;
      if (signals.Wait(look)) {
        if (!Ask({{"command", "flush-list-stop"}, {"job", job_}}) && broken_) return false;
      }
      if (!Ask({{"command", "flush-list-status"}, {"job", job_}})) return false;
      look = std::min(look + look, kLook);
    }
  }

  void ShowProgress() {
    if (!output_.progress) return;
    output_.err << "\r\x1b[K"
                << CtlProgressText({CountOf(reply_, "flushed"), CountOf(reply_, "total"),
                                    NumberOf(reply_, "seconds")})
                << std::flush;
    line_open_ = true;
  }
  void EndProgress() {
    if (line_open_) output_.err << std::endl;
    line_open_ = false;
  }

  CtlExit Summarize(const ListedFlushes& list) {
    const size_t not_understood = list.problems.size();
    const uint64_t failed = CountOf(reply_, "failed") + not_understood;
    const bool stopped = TextOf(reply_, "state") == "stopped";
    CtlExit exit = failed > 0 ? CtlExit::kFailed : CtlExit::kDone;
    if (stopped) exit = CtlExit::kStopped;
    if (options_.json) {
      json summary = reply_;
      summary["ok"] = exit == CtlExit::kDone;
      summary["failed"] = failed;
      if (not_understood > 0) summary["lines-not-understood"] = ProblemsJson(list);
      output_.out << summary.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    } else {
      output_.out << CtlListText(reply_, std::to_string(failed)) << std::flush;
    }
    return exit;
  }

  static json ProblemsJson(const ListedFlushes& list) {
    json problems = json::array();
    for (const auto& [line, text] : list.problems) {
      problems.push_back({{"line", line}, {"error", text}});
    }
    return problems;
  }

  CtlExit Refuse(json reply, const ListedFlushes& list) {
    EndProgress();
    const std::string error = TextOf(reply, "error");
    if (options_.json) {
      reply["ok"] = false;
      if (!list.problems.empty()) reply["lines-not-understood"] = ProblemsJson(list);
      output_.out << reply.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    } else {
      output_.err << "breakwaterctl: " << error << std::endl;
    }
    return TextOf(reply, "code") == "denied" ? CtlExit::kDenied : CtlExit::kFailed;
  }

  CtlExit NoServer() {
    EndProgress();
    if (options_.json) {
      const json reply = {{"ok", false}, {"code", "no-server"}, {"error", error_}, {"job", job_}};
      output_.out << reply.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    } else {
      output_.err << fmt::format("breakwaterctl: list {}: {}", job_, error_) << std::endl;
    }
    return CtlExit::kNoServer;
  }

  const CtlOptions& options_;
  const CtlOutput& output_;
  CtlClient& client_;
  uint64_t job_ = 0;
  json reply_;
  std::string error_;
  bool broken_ = false;
  bool line_open_ = false;
};

}  // namespace

ListedFlushes ReadFlushList(std::istream& in, const FlushLineDefaults& defaults) {
  ListedFlushes list;
  std::unordered_set<std::string> seen;
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    auto flush = ParseFlushLine(line, defaults);
    if (!flush) {
      list.problems.push_back({number, flush.error()});
    } else if (*flush) {
      (*flush)->name = (*flush)->name.Folded();
      std::string text = FlushLineOf(**flush);
      if (seen.insert(text).second) list.lines.push_back(std::move(text));
    }
  }
  return list;
}

CtlExit RunFlushStop(const CtlOptions& options, const CtlOutput& output, CtlClient& client) {
  return Run(options, output, client).Stop();
}

CtlExit RunFlushList(const CtlOptions& options, const CtlOutput& output, CtlClient& client) {
  FlushLineDefaults defaults{.suffix = options.suffix, .hard = options.hard};
  if (!options.type.empty()) defaults.type = dns::ParseType(options.type);
  if (defaults.type == dns::Type::kAny) defaults.type.reset();
  if (options.list_path == "-") {
    return Run(options, output, client).Go(ReadFlushList(std::cin, defaults));
  }
  std::ifstream in(options.list_path);
  if (!in) {
    output.err << fmt::format("breakwaterctl: cannot read {}: {}", options.list_path,
                              std::strerror(errno))
               << std::endl;
    return CtlExit::kUsage;
  }
  const ListedFlushes list = ReadFlushList(in, defaults);
  if (in.bad()) {
    output.err << fmt::format("breakwaterctl: cannot read {}: {}", options.list_path,
                              std::strerror(errno))
               << std::endl;
    return CtlExit::kUsage;
  }
  return Run(options, output, client).Go(list);
}

}  // namespace breakwater
