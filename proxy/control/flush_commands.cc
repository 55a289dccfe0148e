#include "proxy/control/flush_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/base/log.h"
#include "proxy/cache/flush_number.h"
#include "proxy/config/caches.h"

namespace breakwater {
namespace {

using nlohmann::json;

json Refusal(std::string_view code, std::string_view text) {
  return {{"ok", false}, {"code", code}, {"error", text}};
}

std::string_view UndoText(UndoResult result) {
  switch (result) {
    case UndoResult::kUndone:
      return "undone";
    case UndoResult::kUnknown:
      return "this flush is too old to be undone";
    case UndoResult::kSuperseded:
      return "a later flush covers this one";
    case UndoResult::kHard:
      return "a hard flush cannot be undone";
  }
  return "unknown";
}

// Whose share of a cache's flushes it is: a token's own, or that of all who need none.
std::string CallerOf(std::string_view token) {
  return token.empty() ? std::string("control socket") : fmt::format("token {}", token);
}

json TallyJson(const AnswerTally& tally) {
  json kinds = json::object();
  for (size_t i = 0; i < kBadKinds; ++i) {
    if (tally.bad[i] != 0) kinds[NameOf(static_cast<BadKind>(i))] = tally.bad[i];
  }
  return {{"answers", tally.all}, {"bad", std::move(kinds)}, {"nxdomain", tally.nxdomain}};
}

json JobJson(uint64_t number, const ListFlush& list) {
  const ListFlush::Progress& progress = list.progress();
  json reply = {{"job", number},
                {"state", StateName(list.state())},
                {"total", progress.total},
                {"flushed", progress.done},
                {"failed", progress.failed},
                {"seconds", static_cast<double>(progress.took.ms()) / 1000}};
  if (progress.done > 0) {
    reply["first-id"] = progress.first_id;
    reply["last-id"] = progress.first_id + progress.done + progress.failed - 1;
  }
  if (!progress.why.empty()) {
    reply["why"] = progress.why;
    reply["by-condition"] = progress.by_condition;
    reply["undone"] = progress.undone;
    reply["not-undone"] = progress.not_undone;
  }
  if (!list.plan().stop_on.empty()) {
    reply["asked"] = progress.asked;
    reply["probes"] = TallyJson(progress.probes);
    reply["clients"] = TallyJson(progress.clients);
  }
  return reply;
}

}  // namespace

FlushCommands::~FlushCommands() {
  for (const auto& [number, job] : jobs_) tools_.timers.Cancel(job.timer);
}

json FlushCommands::Flush(const ControlRequest& request, std::string_view made_by) {
  const auto caches = CachesToFlush(*target_.CurrentConfig(), request.pool);
  if (!caches) return Refusal("not-found", caches.error());
  const std::string caller = CallerOf(made_by);
  // Who needs no token is never refused one: then older flushes cannot be undone any more.
  if (!made_by.empty() && FlushesLeft(*caches, caller) == 0) {
    return RefuseShare(made_by, "this flush");
  }
  FlushIds::Made made{.caches = {}, .made_by = std::string(made_by)};
  for (const auto& cache : *caches) {
    made.caches.push_back({cache, cache->Flush(request.flush, caller)});
  }
  TellZonesOfFlush(target_.zone_health(), {&request.flush, 1}, target_.clock().Now());
  const uint64_t id = ids_.Note(std::move(made));
  return {{"ok", true}, {"id", id}, {"caches", caches->size()}};
}

json FlushCommands::RefuseShare(std::string_view made_by, std::string_view what) {
  if (tools_.counters != nullptr) tools_.counters->Add(Metric::kFlushShareRefused);
  const std::string whose = made_by.empty()
                                ? std::string("the share of the control socket in")
                                : fmt::format("the share of the token '{}' in", made_by);
  return Refusal("share-used-up",
                 fmt::format("{} would be more than {} the flushes that a cache remembers so that "
                             "they can be undone: flush a zone with --suffix instead of its names, "
                             "or come again when the oldest are an hour old",
                             what, whose));
}

// What was made elsewhere, by a NOTIFY, a source or Lua, is known to its cache.
std::optional<FlushIds::Made> FlushCommands::FindMade(uint64_t id) const {
  if (auto made = ids_.Find(id)) return made;
  for (const NamedCache& one : CachesOf(*target_.CurrentConfig())) {
    if (one.cache->StatusOf(id)) return FlushIds::Made{.caches = {{one.cache, id}}};
  }
  return std::nullopt;
}

uint64_t FlushCommands::NumberOf(const PacketCache& cache, FlushId id) const {
  const uint64_t number = ids_.NumberOf(cache, id);
  return number != 0 ? number : id;
}

json FlushCommands::Undo(uint64_t id) {
  const auto made = FindMade(id);
  if (!made) return Refusal("not-found", fmt::format("there is no flush {}", id));
  size_t undone = 0;
  UndoResult problem = UndoResult::kUnknown;
  for (const FlushIds::InCache& one : made->caches) {
    const auto cache = one.cache.lock();
    const UndoResult result = cache != nullptr ? cache->Undo(one.id) : UndoResult::kUnknown;
    if (result == UndoResult::kUndone) {
      ++undone;
    } else {
      problem = result;
    }
  }
  if (undone < made->caches.size()) {
    json reply =
        Refusal(problem == UndoResult::kUnknown ? "not-found" : "impossible", UndoText(problem));
    reply["undone-caches"] = undone;
    return reply;
  }
  return {{"ok", true}, {"id", id}, {"caches", undone}};
}

json FlushCommands::UndoRange(uint64_t first, uint64_t last) {
  uint64_t undone = 0;
  json problem;
  for (uint64_t left = last - first + 1; left > 0; --left) {
    json reply = Undo(first + left - 1);
    if (reply.at("ok").get<bool>()) {
      ++undone;
    } else if (problem.is_null()) {
      problem = {
          {"id", first + left - 1}, {"error", reply.at("error")}, {"code", reply.at("code")}};
    }
  }
  const uint64_t stuck = last - first + 1 - undone;
  json reply = {{"ok", true}};
  if (stuck > 0) {
    reply = Refusal(
        problem.at("code").get<std::string>(),
        fmt::format("{} of {} flushes were taken back; not {}: {}", undone, last - first + 1,
                    problem.at("id").get<uint64_t>(), problem.at("error").get<std::string>()));
  }
  reply["id"] = first;
  reply["to"] = last;
  reply["undone"] = undone;
  reply["not-undone"] = stuck;
  return reply;
}

json FlushCommands::State(uint64_t id) const {
  const auto made = FindMade(id);
  if (!made) return Refusal("not-found", fmt::format("there is no flush {}", id));
  uint64_t matched = 0;
  bool swept = true;
  bool undone = true;
  for (const FlushIds::InCache& one : made->caches) {
    const auto cache = one.cache.lock();
    const auto status = cache != nullptr ? cache->StatusOf(one.id) : std::nullopt;
    if (!status) return Refusal("not-found", "this flush is too old to be known");
    matched += status->matched;
    swept = swept && status->swept;
    undone = undone && status->undone;
  }
  return {{"ok", true}, {"id", id}, {"matched", matched}, {"swept", swept}, {"undone", undone}};
}

std::optional<std::string> FlushCommands::MadeBy(uint64_t id) const {
  auto made = FindMade(id);
  if (!made) return std::nullopt;
  return std::move(made->made_by);
}

std::string FlushCommands::MadeBy(uint64_t first, uint64_t last) const {
  const std::string maker = MadeBy(first).value_or("");
  for (uint64_t id = first; id < last && !maker.empty(); ++id) {
    if (MadeBy(id + 1) != maker) return {};
  }
  return maker;
}

std::optional<std::string> FlushCommands::ListMadeBy(uint64_t job) const {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return std::nullopt;
  return found->second.list->plan().made_by;
}

// --- lists

FlushCommands::Job* FlushCommands::Find(uint64_t number) {
  const auto found = jobs_.find(number);
  return found == jobs_.end() ? nullptr : &found->second;
}

json FlushCommands::BeginList(const ControlRequest& request, std::string_view made_by) {
  ForgetOldJobs();
  if (auto caches = CachesToFlush(*target_.CurrentConfig(), request.list.pool); !caches) {
    return Refusal("not-found", caches.error());
  }
  const auto open = std::count_if(jobs_.begin(), jobs_.end(),
                                  [](const auto& job) { return !job.second.list->IsOver(); });
  if (static_cast<size_t>(open) >= kMostJobs) {
    return Refusal("busy", fmt::format("{} lists are being flushed already", open));
  }
  const auto own = std::count_if(jobs_.begin(), jobs_.end(), [&](const auto& job) {
    return !job.second.list->IsOver() && job.second.list->plan().made_by == made_by;
  });
  if (!made_by.empty() && static_cast<size_t>(own) >= kMostJobsOfAToken) {
    return Refusal("busy", fmt::format("{} lists of this token are being flushed already", own));
  }
  const uint64_t number = next_job_++;
  ListFlushPlan plan = request.list;
  plan.made_by = made_by;
  jobs_[number] = {.list = std::make_unique<ListFlush>(std::move(plan), HooksFor(number)),
                   .begun = target_.clock().Now(),
                   .hard = {},
                   .seen = {}};
  jobs_[number].timer = tools_.timers.Add(jobs_[number].begun + kLoadingTime, [this, number] {
    Job* job = Find(number);
    if (job != nullptr) GiveUpLoading(*job);
  });
  return {{"ok", true}, {"job", number}};
}

json FlushCommands::AddToList(const ControlRequest& request, std::string_view made_by) {
  Job* job = Find(request.id);
  if (job == nullptr || job->list->state() != ListFlush::State::kLoading) {
    return Refusal("not-found", fmt::format("no list {} is waiting for lines", request.id));
  }
  if (job->list->plan().made_by != made_by) {
    return Refusal("denied", fmt::format("list {} was begun by another", request.id));
  }
  // The same flush twice could not be taken back.
  std::string lines;
  size_t count = 0;
  for (FlushRequest flush : request.flushes) {
    flush.name = flush.name.Folded();
    std::string line = FlushLineOf(flush);
    if (job->seen.contains(line)) continue;
    lines += line + '\n';
    job->seen.insert(std::move(line));
    ++count;
  }
  size_t bytes = lines.size();
  for (const auto& [number, other] : jobs_) bytes += other.list->bytes();
  if (bytes > kMostBytes || !job->list->AddLines(lines, count)) {
    return Refusal("too-long", fmt::format("a list has {} lines at most, and all of them {} bytes",
                                           ListFlush::kMostLines, kMostBytes));
  }
  return {{"ok", true}, {"total", job->list->progress().total}};
}

void FlushCommands::GiveUpLoading(Job& job) {
  if (job.list->state() != ListFlush::State::kLoading) return;
  job.list->Stop("it was never run", ListFlush::Undo::kAsPlanned);
  job.seen = {};
}

json FlushCommands::RunList(uint64_t number) {
  Job* job = Find(number);
  if (job == nullptr || job->list->state() != ListFlush::State::kLoading) {
    return Refusal("not-found", fmt::format("no list {} is waiting to be run", number));
  }
  const ListFlushPlan& plan = job->list->plan();
  const auto caches = CachesToFlush(*target_.CurrentConfig(), plan.pool);
  if (caches && FlushesLeft(*caches, CallerOf(plan.made_by)) < job->list->progress().total) {
    json refusal =
        RefuseShare(plan.made_by, fmt::format("this list of {}", job->list->progress().total));
    tools_.timers.Cancel(job->timer);
    GiveUpLoading(*job);
    return refusal;
  }
  tools_.timers.Cancel(job->timer);
  job->seen = {};
  job->list->Run(target_.clock().Now());
  Step(number);
  return ListState(number);
}

json FlushCommands::ListState(uint64_t number) const {
  if (number == 0) {
    json jobs = json::array();
    for (const auto& [each, job] : jobs_) jobs.push_back(JobJson(each, *job.list));
    return {{"ok", true}, {"jobs", std::move(jobs)}};
  }
  const auto found = jobs_.find(number);
  if (found == jobs_.end()) return Refusal("not-found", fmt::format("there is no list {}", number));
  json reply = JobJson(number, *found->second.list);
  reply["ok"] = true;
  return reply;
}

json FlushCommands::StopList(const ControlRequest& request, std::string_view who) {
  Job* job = Find(request.id);
  if (job == nullptr) return Refusal("not-found", fmt::format("there is no list {}", request.id));
  if (job->list->IsOver()) return Refusal("impossible", "this list is over already");
  const auto undo = request.undo ? ListFlush::Undo::kYes : ListFlush::Undo::kAsPlanned;
  job->list->Stop(fmt::format("stopped by {}", who), undo);
  tools_.timers.Cancel(job->timer);
  if (job->list->IsOver()) {
    Finish(*job->list, request.id);
  } else {
    Step(request.id);
  }
  return ListState(request.id);
}

ListFlush::Hooks FlushCommands::HooksFor(uint64_t number) {
  return {.flush =
              [this, number](uint64_t id, const FlushRequest& request) {
                Job& job = *Find(number);
                const ListFlushOutcome outcome = FlushAs(id, request, job.list->plan());
                if (outcome != ListFlushOutcome::kMade) return outcome;
                if (request.hard) {
                  job.hard.push_back(request);
                } else {
                  TellZonesOfFlush(target_.zone_health(), {&request, 1}, target_.clock().Now());
                }
                return outcome;
              },
          .undo = [this](uint64_t id) { return Undo(id).at("ok").get<bool>(); },
          .reserve_ids = [this](uint64_t count) { return ReserveFlushNumbers(count); },
          .probe =
              [this, number](const dns::Name& name) {
                const auto servers = ToAsk(Find(number)->list->plan().pool);
                const size_t asked =
                    tools_.prober.Ask(name, servers, [this, number](const ProbeAnswer& answer) {
                      if (Job* job = Find(number); job != nullptr) job->list->OnProbe(answer);
                    });
                if (tools_.counters != nullptr) {
                  tools_.counters->Add(Metric::kListFlushProbes, asked);
                }
                return asked;
              },
          .may_probe = [this] { return tools_.prober.open() < kMostOpenProbes; },
          .clients = [this] { return target_.zone_health().AnswersOfKnownZones(); }};
}

ListFlushOutcome FlushCommands::FlushAs(uint64_t id, const FlushRequest& request,
                                        const ListFlushPlan& plan) {
  const auto caches = CachesToFlush(*target_.CurrentConfig(), plan.pool);
  if (!caches) return ListFlushOutcome::kNoCache;
  const std::string caller = CallerOf(plan.made_by);
  if (FlushesLeft(*caches, caller) == 0) {
    if (tools_.counters != nullptr) tools_.counters->Add(Metric::kFlushShareRefused);
    return ListFlushOutcome::kShareUsedUp;
  }
  FlushIds::Made made{.caches = {}, .made_by = plan.made_by};
  for (const auto& cache : *caches) made.caches.push_back({cache, cache->Flush(request, caller)});
  ids_.Note(id, std::move(made));
  if (tools_.counters != nullptr) tools_.counters->Add(Metric::kListFlushes);
  return ListFlushOutcome::kMade;
}

// The servers of the first tier, of the pools whose caches are flushed.
std::vector<BackendPtr> FlushCommands::ToAsk(const std::optional<std::string>& pool_name) const {
  const ConfigPtr config = target_.CurrentConfig();
  std::vector<BackendPtr> servers;
  for (const auto& [name, pool] : config->pools) {
    if (pool->cache == nullptr || (pool_name && *pool_name != name)) continue;
    for (const BackendPtr& server : pool->tiers.empty() ? pool->servers : pool->tiers.front()) {
      // One that is down is asked as well: its silence counts. One that somebody took out is not.
      const bool taken_out = server->health().forced() && !server->IsUp();
      const bool asked = server->zones() == nullptr && !taken_out &&
                         std::find(servers.begin(), servers.end(), server) == servers.end();
      if (asked) servers.push_back(server);
    }
  }
  return servers;
}

void FlushCommands::Step(uint64_t number) {
  Job& job = *Find(number);
  const MonoTime now = target_.clock().Now();
  const auto again = job.list->Step(now);
  // Each time it looks at all zones.
  if (!again || now >= job.forget_at) {
    TellZonesOfFlush(target_.zone_health(), std::exchange(job.hard, {}), now);
    job.forget_at = now + MonoTime::FromSeconds(1);
  }
  if (!again) return Finish(*job.list, number);
  job.timer = tools_.timers.Add(*again, [this, number] { Step(number); });
}

void FlushCommands::Finish(const ListFlush& list, uint64_t number) {
  const ListFlush::Progress& progress = list.progress();
  if (list.state() == ListFlush::State::kDone) {
    LogInfo("control", "list {}: {} of {} flushed in {} ms", number, progress.done, progress.total,
            progress.took.ms());
    return;
  }
  if (progress.by_condition && tools_.counters != nullptr) {
    tools_.counters->Add(Metric::kListFlushStops);
  }
  LogWarning("control", "list {}: stopped after {} of {} flushes, {} taken back: {}", number,
             progress.done, progress.total, progress.undone, progress.why);
}

void FlushCommands::ForgetOldJobs() {
  const MonoTime now = target_.clock().Now();
  size_t finished = 0;
  for (auto& [number, job] : jobs_) {
    if (now - job.begun > kLoadingTime) GiveUpLoading(job);
    finished += job.list->IsOver() ? 1 : 0;
  }
  for (auto job = jobs_.begin(); job != jobs_.end() && finished > kMostFinished;) {
    const bool over = job->second.list->IsOver();
    finished -= over ? 1 : 0;
    job = over ? jobs_.erase(job) : std::next(job);
  }
}

}  // namespace breakwater
