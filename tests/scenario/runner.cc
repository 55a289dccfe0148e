// Runs scenario files: scripted queries, replies and time. Each file is one scenario.
//
//   # Words after a hash are for people.
//   config
//     newServer{address="192.0.2.1", name="one"}        -- Lua, as in dnsdist.conf
//   end
//   query 1 www.example.org A +edns from=192.0.2.7:5353 -- QueryMaker's words; 1 names it
//   query 2 a.example A & 3 b.example A                 -- these come at once
//   elsewhere 4 www.example.org A                       -- as query, to another worker
//   backend one: www.example.org; A                     -- what it got holds these texts
//   reply one +aa / answer www.example.org 60 A 192.0.2.80
//   answer 1: NOERROR; 60 A 192.0.2.80                  -- what the client got holds these
//   answer 1 not: TC                                    -- and none of these
//   part one / answer example.org 60 SOA ...            -- a transfer's message, more will come
//   got 1: SOA                                          -- the client got such a message
//   client full | free | gone                           -- whether it keeps up with a transfer
//   paused one | reading one                            -- is that server's transfer held back?
//   drop 1                                              -- the client gets nothing
//   drop 1 timeout | backend                            -- and that is why
//   nothing                                             -- no client was sent anything meanwhile
//   idle one                                            -- no message waits at that server
//   reply one/own ..., idle one/own                     -- the same for SOA queries of our own
//   reply one/other ..., idle one/other                 -- and for what the other worker asked
//   fail one refused | connection | send | timeout
//   check one good | bad                                -- result of the health check now due
//   state one up | down
//   zone example.org unknown | good | bad               -- bad: on some server
//   advance 1.5
//   wall -3600                                          -- somebody sets the wall clock
//   restart 10                                          -- stopped, and begun with the snapshot of
//                                                       -- its caches so many seconds later
//   flood 50 one +rcode=5                               -- so many names never asked before are
//                                                       -- asked, and this is the server's answer
//   counter cache-hits 1
//   recorded www.example.org. 1500                      -- the last answer in the rings: its name,
//                                                       -- and its latency in microseconds
//   drill standby 30 0.5 mirror | live                  -- begins: seconds, share of the queries
//   drilled 2 compared, 1 different; example.org.       -- the report of the last one holds these
//   console CODE => TEXT                                -- what it prints holds TEXT
//
// Usage: scenario_runner FILE.scn ...
#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

#include "tests/scenario/world.h"

namespace breakwater::test {
namespace {

std::string Trim(std::string text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string> SplitOn(const std::string& text, char mark) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, mark);) parts.push_back(Trim(part));
  return parts;
}

class Scenario {
 public:
  // Empty when it passed, else what went wrong.
  std::string Run(std::istream& script) {
    std::string line;
    while (std::getline(script, line)) {
      ++line_;
      line = Trim(line.substr(0, line.find('#')));
      if (line.empty()) continue;
      const std::string wrong = line == "config" ? ReadConfig(script) : Step(line);
      if (!wrong.empty()) return fmt::format("line {}: {}: {}", line_, line, wrong);
    }
    if (!world_) return "there is no config block";
    if (steps_ == 0) return "nothing is checked";
    return "";
  }

 private:
  std::string ReadConfig(std::istream& script) {
    std::string text;
    std::string line;
    while (std::getline(script, line)) {
      ++line_;
      if (Trim(line) == "end") {
        auto made = World::Make(text);
        if (!made) return made.error();
        world_ = std::move(*made);
        config_ = text;
        return "";
      }
      text += line + "\n";
    }
    return "'end' is missing";
  }

  std::string Step(const std::string& line) {
    if (!world_) return "a config block must come first";
    const size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : Trim(line.substr(space));
    const std::map<std::string, std::string (Scenario::*)(const std::string&)> steps = {
        {"restart", &Scenario::Restart},     {"flood", &Scenario::Flood},
        {"elsewhere", &Scenario::Elsewhere}, {"query", &Scenario::Query},
        {"backend", &Scenario::BackendGot},  {"reply", &Scenario::Reply},
        {"answer", &Scenario::Answer},       {"drop", &Scenario::Drop},
        {"nothing", &Scenario::Nothing},     {"zone", &Scenario::Zone},
        {"wall", &Scenario::Wall},           {"idle", &Scenario::Idle},
        {"fail", &Scenario::Fail},           {"check", &Scenario::Check},
        {"state", &Scenario::State},         {"advance", &Scenario::Advance},
        {"counter", &Scenario::Counter},     {"console", &Scenario::Console},
        {"part", &Scenario::Part},           {"got", &Scenario::Got},
        {"client", &Scenario::Client},       {"paused", &Scenario::Paused},
        {"reading", &Scenario::Reading},     {"recorded", &Scenario::Recorded},
        {"drill", &Scenario::Drill},         {"drilled", &Scenario::Drilled}};
    const auto step = steps.find(word);
    if (step == steps.end()) return "unknown step";
    return (this->*step->second)(rest);
  }

  std::string Query(const std::string& rest) { return Ask(rest, World::kFirst); }
  std::string Elsewhere(const std::string& rest) { return Ask(rest, World::kOther); }
  std::string Ask(const std::string& rest, World::Worker worker) {
    std::vector<World::Asked> asked;
    for (const std::string& each : SplitOn(rest, '&')) {
      const size_t space = each.find(' ');
      asked.emplace_back(std::stoull(each.substr(0, space)), each.substr(space + 1));
    }
    world_->Ask(asked, worker);
    return "";
  }

  std::string Holds(const std::string& text, const std::string& wanted, bool none) {
    ++steps_;
    for (const std::string& part : SplitOn(wanted, ';')) {
      if ((text.find(part) != std::string::npos) == none) {
        return fmt::format("'{}' {} in: {}", part, none ? "is" : "is not", text);
      }
    }
    return "";
  }

  std::string BackendGot(const std::string& rest) {
    const size_t colon = rest.find(':');
    const auto* waiting = world_->Waiting(Trim(rest.substr(0, colon)));
    if (waiting == nullptr) return "it waits for no answer";
    return Holds(Describe(waiting->message), rest.substr(colon + 1), false);
  }

  std::string Reply(const std::string& rest) {
    const size_t space = rest.find(' ');
    const auto done = world_->Reply(rest.substr(0, space),
                                    space == std::string::npos ? "" : rest.substr(space + 1));
    return done ? "" : done.error();
  }

  std::string Part(const std::string& rest) {
    const size_t space = rest.find(' ');
    const auto done = world_->Part(rest.substr(0, space), rest.substr(space + 1));
    return done ? "" : done.error();
  }

  std::string Got(const std::string& rest) {
    const size_t colon = rest.find(':');
    auto& outcomes = world_->client().outcomes;
    if (outcomes.empty()) return "no client got anything";
    last_ = outcomes.front();
    outcomes.pop_front();
    if (last_.tag != std::stoull(rest)) return fmt::format("query {} got it", last_.tag);
    if (!last_.part) return last_.dropped ? "it was dropped" : "it was the last message";
    return Holds(Describe(last_.message), rest.substr(colon + 1), false);
  }

  std::string Client(const std::string& rest) {
    FakeClient& client = world_->client();
    client.alive = rest != "gone";
    client.room = rest == "full" ? ReplyTarget::Room::kFull : ReplyTarget::Room::kFree;
    if (rest != "full") world_->TellRoom();
    return rest == "full" || rest == "free" || rest == "gone" ? "" : "client full|free|gone";
  }

  std::string IsPaused(const std::string& server, bool wanted) {
    ++steps_;
    const auto* waiting = world_->Waiting(server);
    if (waiting == nullptr) return "it waits for no answer";
    return waiting->paused == wanted ? "" : "it is not";
  }
  std::string Paused(const std::string& rest) { return IsPaused(rest, true); }
  std::string Reading(const std::string& rest) { return IsPaused(rest, false); }

  std::string Answer(const std::string& rest) {
    const size_t colon = rest.find(':');
    const std::string head = rest.substr(0, colon);
    const bool none = head.find(" not") != std::string::npos;
    auto& outcomes = world_->client().outcomes;
    // "not" looks once more at the answer that the line before it took.
    if (none && last_.tag == std::stoull(head)) {
      return Holds(Describe(last_.message), rest.substr(colon + 1), true);
    }
    if (outcomes.empty()) return "no client got anything";
    last_ = outcomes.front();
    outcomes.pop_front();
    if (last_.tag != std::stoull(head)) return fmt::format("query {} was answered", last_.tag);
    if (last_.dropped) return "it was dropped";
    if (last_.part) return "more messages are to come";
    return Holds(Describe(last_.message), rest.substr(colon + 1), none);
  }

  std::string Drop(const std::string& rest) {
    ++steps_;
    auto& outcomes = world_->client().outcomes;
    if (outcomes.empty()) return "nothing was dropped";
    last_ = outcomes.front();
    outcomes.pop_front();
    if (last_.tag != std::stoull(rest)) return fmt::format("query {} was ended", last_.tag);
    if (!last_.dropped) return "it was answered: " + Describe(last_.message);
    const auto words = SplitOn(rest, ' ');
    if (words.size() < 2) return "";
    const bool late = last_.reason == DropReason::kTimeout;
    const bool backend = last_.reason == DropReason::kBackend;
    return words[1] == (late ? "timeout" : backend ? "backend" : "other") ? "" : "not for that";
  }

  std::string Nothing(const std::string&) {
    ++steps_;
    const auto& outcomes = world_->client().outcomes;
    return outcomes.empty() ? "" : fmt::format("query {} was ended", outcomes.front().tag);
  }

  std::string Idle(const std::string& rest) {
    ++steps_;
    const auto* waiting = world_->Waiting(rest);
    return waiting == nullptr ? "" : "it got " + Describe(waiting->message);
  }

  std::string Wall(const std::string& seconds) {
    world_->StepWall(std::stoll(seconds));
    return "";
  }

  std::string Zone(const std::string& rest) {
    ++steps_;
    const auto words = SplitOn(rest, ' ');
    if (words.size() != 2) return "zone NAME unknown|good|bad";
    const std::string state = world_->ZoneState(words[0]);
    return state == words[1] ? "" : "it is " + state;
  }

  std::string Fail(const std::string& rest) {
    const auto words = SplitOn(rest, ' ');
    if (words.size() != 2) return "fail SERVER refused|connection|send|timeout";
    const FailureKind kind = words[1] == "refused"      ? FailureKind::kRefusedPort
                             : words[1] == "connection" ? FailureKind::kConnection
                             : words[1] == "send"       ? FailureKind::kSend
                                                        : FailureKind::kTimeout;
    const auto done = world_->Fail(words[0], kind);
    return done ? "" : done.error();
  }

  std::string Check(const std::string& rest) {
    const auto words = SplitOn(rest, ' ');
    if (words.size() != 2) return "check SERVER good|bad";
    const auto done = world_->Check(words[0], words[1] == "good");
    return done ? "" : done.error();
  }

  std::string State(const std::string& rest) {
    ++steps_;
    const auto words = SplitOn(rest, ' ');
    const BackendPtr backend = words.size() == 2 ? world_->FindBackend(words[0]) : nullptr;
    if (backend == nullptr) return "state SERVER up|down|UP|DOWN";
    const std::string_view state = backend->health().StateText();
    return state == words[1] ? "" : fmt::format("it is {}", state);
  }

  std::string Advance(const std::string& rest) {
    world_->Advance(MonoTime::FromSeconds(std::stod(rest)));
    return "";
  }

  std::string Counter(const std::string& rest) {
    ++steps_;
    const size_t space = rest.find(' ');
    const uint64_t value = world_->Counter(rest.substr(0, space));
    return value == std::stoull(rest.substr(space)) ? "" : fmt::format("it is {}", value);
  }

  std::string Recorded(const std::string& rest) {
    ++steps_;
    const auto all = world_->rings().Responses();
    if (all.empty()) return "no answer was recorded";
    const auto& last = all.back();
    const std::string text = fmt::format("{} {}", last.Name().ToString(), last.latency_us);
    return text == rest ? "" : "it was " + text;
  }

  std::string Drill(const std::string& rest) {
    const auto words = SplitOn(rest, ' ');
    const BackendPtr backend = words.size() == 4 ? world_->FindBackend(words[0]) : nullptr;
    if (backend == nullptr) return "drill SERVER SECONDS SHARE mirror|live";
    const DrillOrder order{.server = words[0],
                           .share = std::stod(words[2]),
                           .length_s = static_cast<uint32_t>(std::stoul(words[1])),
                           .mode = words[3] == "live" ? DrillMode::kLive : DrillMode::kMirror};
    const auto begun = world_->drills().Begin(backend, order, world_->clock().Now());
    drilled_ = backend;
    return begun ? "" : begun.error();
  }

  std::string Drilled(const std::string& rest) {
    const auto report = world_->drills().Report();
    if (!report) return "there was no drill";
    std::string text = fmt::format("{} compared, {} different, {} unanswered, {} served, {}, {}",
                                   report->compared, report->different, report->unanswered,
                                   report->served, drilled_->suspect() ? "suspect" : "trusted",
                                   report->state == DrillReport::State::kRunning ? "runs" : "over");
    for (const DrillZone& zone : report->zones) {
      text += fmt::format("\n{} {}", zone.zone.ToString(), zone.differences);
      for (const DrillSample& sample : zone.samples) {
        text += fmt::format("\n  {}: {}", sample.question, sample.difference);
      }
    }
    return Holds(text, rest, false);
  }

  std::string Console(const std::string& rest) {
    const size_t arrow = rest.find("=>");
    const std::string printed = world_->Console(Trim(rest.substr(0, arrow)));
    if (arrow != std::string::npos) return Holds(printed, rest.substr(arrow + 2), false);
    return printed.find("rror") == std::string::npos ? "" : printed;
  }

  std::string Restart(const std::string& seconds) {
    auto next = world_->Restart(config_, std::stoll(seconds));
    if (!next) return next.error();
    world_ = std::move(*next);
    return "";
  }

  std::string Flood(const std::string& rest) {
    const size_t space = rest.find(' ');
    const size_t server = rest.find(' ', space + 1);
    for (size_t left = std::stoull(rest); left > 0; --left) {
      world_->Ask({{1, fmt::format("n{}.flood.example A", ++flooded_)}});
      const auto done =
          world_->Reply(Trim(rest.substr(space, server - space)), rest.substr(server));
      if (!done) return done.error();
    }
    world_->client().outcomes.clear();
    return "";
  }

  std::unique_ptr<World> world_;
  std::string config_;
  uint64_t flooded_ = 0;
  BackendPtr drilled_;
  FakeClient::Outcome last_;
  int line_ = 0;
  int steps_ = 0;
};

}  // namespace
}  // namespace breakwater::test

int main(int argc, char** argv) {
  int failed = 0;
  for (int i = 1; i < argc; ++i) {
    std::ifstream script(argv[i]);
    breakwater::test::Scenario scenario;
    const std::string wrong = script ? scenario.Run(script) : "cannot be read";
    if (wrong.empty()) continue;
    ++failed;
    std::cout << argv[i] << ": " << wrong << "\n";
  }
  std::cout << argc - 1 - failed << " passed, " << failed << " failed\n";
  return argc == 1 || failed > 0 ? 1 : 0;
}
