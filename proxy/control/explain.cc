#include "proxy/control/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "proxy/control/explain_backend.h"
#include "proxy/dns/message_builder.h"
#include "proxy/guard/dyn_block_table.h"
#include "proxy/query/client_subnet_edit.h"

namespace breakwater {
namespace {

using nlohmann::json;

constexpr uint16_t kUdpSize = 1232;

struct Flags {
  bool rd = false;
  bool ad = false;
  bool edns = false;
};

// A query in memory of its own.
struct MadeQuery {
  MadeQuery(QueryPool& pool, const ExplainQuestion& question, const Flags& flags)
      : query(pool.Get()) {
    auto header =
        static_cast<uint16_t>((flags.rd ? dns::kFlagRd : 0) | (flags.ad ? dns::kFlagAd : 0));
    dns::MessageBuilder builder(room, 0, header);
    builder.AddQuestion(question.name, question.type, dns::Class::kIn);
    if (flags.edns || question.dnssec) {
      builder.AddOpt({.udp_size = kUdpSize, .dnssec_ok = question.dnssec});
    }
    query->data = room.data();
    query->size = builder.Finish().value_or(0);
    query->capacity = room.size();
    query->client = question.client;
    query->protocol = question.tcp ? Protocol::kDoTcp : Protocol::kDoUdp;
    query->client_flags = header;
    query->question = dns::ParseQuestion(query->message()).value_or(dns::Question{});
    query->edns = dns::FindEdns(query->message(), query->question.end()).value_or(dns::Edns{});
    query->client_has_edns = query->edns.present;
    query->client_udp_size = query->edns.udp_size;
    query->client_dnssec_ok = query->edns.dnssec_ok;
  }
  std::array<uint8_t, 4096> room{};
  QueryPtr query;
};

class Explainer {
 public:
  Explainer(const ControlTarget& target, const ExplainQuestion& question,
            const FlushNumber& flush_number)
      : config_(target.CurrentConfig()),
        zones_(target.zone_health()),
        now_(target.clock().Now()),
        question_(question),
        flush_number_(flush_number),
        made_(queries_, question, {}),
        query_(*made_.query) {
    query_.arrived = now_;
    query_.frontend = FrontendFor(query_.protocol);
    query_.local = query_.frontend->settings.address;
  }

  json Run();

 private:
  enum class Fate : uint8_t { kGoesOn, kAnswered, kDropped };

  Frontend* FrontendFor(Protocol protocol);
  json Rules(const RuleChain& chain);
  Fate TakeFlow(std::optional<Flow> flow, json& row);
  json Cache(const Pool& pool);
  CachePeek PeekVariant(const Pool& pool, const Flags& flags);
  json EntryRow(const PacketCache& cache, const CachePeek& peek, const Flags& flags) const;
  void GoOn(json& reply);
  void LookAtDynBlocks(json& reply);
  std::string Verdict(const json& reply) const;

  const ConfigPtr config_;
  ZoneHealth& zones_;
  const MonoTime now_;
  const ExplainQuestion& question_;
  const FlushNumber& flush_number_;
  Frontend no_frontend_;
  Counters counters_;  // thrown away, as what is drawn here
  Random random_;
  QueryPool queries_;
  MadeQuery made_;
  Query& query_;
  Fate fate_ = Fate::kGoesOn;
  std::string blocked_;  // the verdict of a dynamic block; empty: none ends it
  bool certain_ = true;
};

Frontend* Explainer::FrontendFor(Protocol protocol) {
  for (const auto& frontend : config_->frontends) {
    if (frontend->settings.protocol == protocol) return frontend.get();
  }
  return &no_frontend_;
}

// What an action does to the chain, told in `row`.
Explainer::Fate Explainer::TakeFlow(std::optional<Flow> flow, json& row) {
  if (!flow) {
    certain_ = false;
    row["effect"] = "undecided";
    return Fate::kGoesOn;
  }
  switch (*flow) {
    case Flow::kContinue:
      row["effect"] = "goes on";
      return Fate::kGoesOn;
    case Flow::kStop:
      row["effect"] = "ends the chain";
      return Fate::kGoesOn;
    case Flow::kAnswer:
      row["effect"] = "answers " + dns::RCodeName(query_.header().rcode());
      return Fate::kAnswered;
    case Flow::kDrop:
      row["effect"] = "drops";
      return Fate::kDropped;
    case Flow::kSuspended:
      break;
  }
  certain_ = false;
  row["effect"] = "undecided";
  return Fate::kGoesOn;
}

// Those that match, or may, up to the one that ends the chain.
json Explainer::Rules(const RuleChain& chain) {
  const std::function<const Pool*(std::string_view)> find_pool = [this](std::string_view name) {
    return config_->FindPool(name);
  };
  RuleContext context{.now = now_,
                      .random = random_,
                      .counters = counters_,
                      .packets = queries_.packets(),
                      .find_pool = find_pool,
                      .edns_on_self_answers = config_->settings.add_edns_to_self_generated,
                      .self_answer_udp_size = config_->settings.payload_size_on_self_generated,
                      .client_subnet = {.overriding = config_->settings.ecs_override,
                                        .prefix_v4 = config_->settings.ecs_prefix_v4,
                                        .prefix_v6 = config_->settings.ecs_prefix_v6},
                      .neighbours = config_->settings.neighbours.get()};
  json rows = json::array();
  for (size_t i = 0; i < chain.size(); ++i) {
    const Rule& rule = chain[i];
    const std::optional<bool> match = rule.selector->Peek(query_, context);
    if (match == false) continue;
    json row = {{"index", i},
                {"name", rule.name},
                {"uuid", rule.uuid},
                {"rule", rule.selector->ToString()},
                {"action", rule.action->ToString()},
                {"match", match ? "yes" : "undecided"}};
    bool ends = false;
    if (match) {
      const std::optional<Flow> flow = rule.action->Foresee(query_, context);
      fate_ = TakeFlow(flow, row);
      ends = flow && *flow != Flow::kContinue;
    } else {
      certain_ = false;
    }
    rows.push_back(std::move(row));
    if (ends) break;
  }
  if (fate_ == Fate::kGoesOn && query_.header().Has(dns::kFlagQr)) fate_ = Fate::kAnswered;
  return rows;
}

CachePeek Explainer::PeekVariant(const Pool& pool, const Flags& flags) {
  MadeQuery made(queries_, question_, flags);
  Query& query = *made.query;
  if (query_.use_ecs && pool.UsesClientSubnet()) {
    const Settings& settings = config_->settings;
    AddClientSubnet(query, queries_.packets(),
                    {.overriding = settings.ecs_override,
                     .prefix_v4 = settings.ecs_prefix_v4,
                     .prefix_v6 = settings.ecs_prefix_v6});
  }
  const PacketCache& cache = *pool.cache;
  const auto key =
      MakeCacheKey({query.message(), query.question, query.edns}, cache.settings().key);
  if (!key) return {};
  CacheLookup how{.now = now_, .datagram = !question_.tcp};
  if (!pool.AnyUp()) how.allow_expired_s = config_->settings.stale_cache_entries_ttl_s;
  return cache.Peek(*key, query.name(), how);
}

std::string_view StateName(CachePeek::State state) {
  static constexpr std::array<std::string_view, 6> kNames = {"nothing",   "fresh", "stale",
                                                             "last-good", "due",   "over"};
  return kNames[static_cast<size_t>(state)];
}

// The state that says most of what a client would get.
int Worth(CachePeek::State state) {
  static constexpr std::array<int, 6> kWorth = {0, 5, 3, 4, 2, 1};
  return kWorth[static_cast<size_t>(state)];
}

json Explainer::EntryRow(const PacketCache& cache, const CachePeek& peek,
                         const Flags& flags) const {
  std::string asked = flags.rd ? "rd" : "";
  if (flags.ad) asked += asked.empty() ? "ad" : " ad";
  if (flags.edns || question_.dnssec) asked += asked.empty() ? "edns" : " edns";
  if (question_.dnssec) asked += " do";
  json row = {{"asked-with", asked},
              {"state", StateName(peek.state)},
              {"rcode", dns::RCodeName(peek.rcode)},
              {"age", peek.age_s}};
  if (peek.state == CachePeek::State::kFresh) row["ttl-left"] = peek.ttl_left_s;
  if (peek.good_left_s > 0) row["last-good-for"] = peek.good_left_s;
  if (peek.state == CachePeek::State::kHeld) row["next-try-ms"] = peek.retry_in_ms;
  if (peek.bad) row["bad"] = true;
  if (peek.flush == 0) return row;
  row["flushed-by"] = flush_number_(cache, peek.flush);
  return row;
}

json Explainer::Cache(const Pool& pool) {
  if (pool.cache == nullptr) return {{"state", "none"}, {"why", "the pool has no cache"}};
  if (query_.skip_cache) return {{"state", "skipped"}, {"why", "a rule says so"}};
  json entries = json::array();
  json best = {{"state", "nothing"}};
  int worth = 0;
  for (int bits = 0; bits < 8; ++bits) {
    const Flags flags{.rd = (bits & 1) != 0, .ad = (bits & 2) != 0, .edns = (bits & 4) != 0};
    if (question_.dnssec && !flags.edns) continue;
    const CachePeek peek = PeekVariant(pool, flags);
    if (peek.state == CachePeek::State::kNothing) continue;
    json row = EntryRow(*pool.cache, peek, flags);
    if (Worth(peek.state) > worth) {
      worth = Worth(peek.state);
      best = row;
    }
    if (!peek.sibling) entries.push_back(std::move(row));
  }
  if (best["state"] != "nothing") best["entries"] = std::move(entries);
  return best;
}

void Explainer::GoOn(json& reply) {
  if (question_.pool) query_.pool_name = *question_.pool;
  reply["pool"] = query_.pool_name;
  const Pool* pool = config_->FindPool(query_.pool_name);
  if (pool == nullptr) return;
  reply["cache"] = Cache(*pool);
  const std::string state = reply["cache"]["state"];
  if (pool->cache != nullptr && state != "fresh" && state != "skipped") {
    reply["cache-miss-rules"] = Rules(config_->chains.cache_miss);
    if (question_.pool) query_.pool_name = *question_.pool;
    if (query_.pool_name != pool->name) reply["pool-after-miss"] = query_.pool_name;
    pool = config_->FindPool(query_.pool_name);
    if (pool == nullptr || fate_ != Fate::kGoesOn) return;
  }
  reply["backend"] = ExplainBackend({.config = *config_,
                                     .pool = *pool,
                                     .query = query_,
                                     .zones = zones_,
                                     .now = now_,
                                     .due = state == "due"});
}

// Of the client and of the name, and which of them ends the query's way.
void Explainer::LookAtDynBlocks(json& reply) {
  const auto blocks = config_->dyn_blocks->Snapshot();
  for (const DynBlock* block :
       {blocks->FindClient(question_.client, now_), blocks->FindName(query_.name(), now_)}) {
    if (block == nullptr) continue;
    const DynBlockAction action = block->ActionOr(config_->settings.dyn_blocks.action);
    const std::string text(DynBlockActionText(action));
    reply["dynamic-blocks"].push_back({{"reason", block->cause->reason}, {"action", text}});
    const bool ends = action == DynBlockAction::kDrop || action == DynBlockAction::kRefused ||
                      action == DynBlockAction::kNxdomain ||
                      (action == DynBlockAction::kTruncate && !question_.tcp);
    if (!ends || !blocked_.empty()) continue;
    blocked_ = fmt::format("a dynamic block ({}): {}", block->cause->reason, text);
  }
}

std::string Explainer::Verdict(const json& reply) const {
  if (!reply["allowed"]) return "the access list drops it";
  if (!blocked_.empty()) return blocked_;
  if (fate_ == Fate::kDropped) return "a rule drops it";
  if (fate_ == Fate::kAnswered) {
    return "a rule answers it: " + dns::RCodeName(query_.header().rcode());
  }
  const auto cache = reply.find("cache");
  if (cache == reply.end()) {
    return fmt::format("dropped: there is no pool '{}'", query_.pool_name);
  }
  const std::string state = (*cache)["state"];
  if (state == "fresh" || state == "stale") return "answered from the cache";
  if (state == "last-good") return "answered from the cache, with the last good answer";
  const json& backend = reply["backend"];
  std::string text;
  if (backend["among"].empty()) {
    text = "no server may be asked";
  } else if (backend["asked"].is_null()) {
    text = "one of several servers is asked";
  } else {
    text = backend["asked"].get<std::string>() + " is asked";
  }
  // What the first tier said last comes before what a standby says now.
  if (state == "due" && backend["standby"] && !cache->contains("flushed-by")) {
    return "answered from the cache, with the last good answer, before a standby is asked";
  }
  if (state == "due") text += "; without a good answer in time, the last good one is given";
  return text;
}

json Explainer::Run() {
  json reply = {{"ok", true},
                {"name", question_.name.ToString()},
                {"type", dns::TypeName(question_.type)},
                {"client", question_.client.ToString()},
                {"protocol", question_.tcp ? "TCP" : "UDP"},
                {"allowed", config_->acl.Matches(question_.client)}};
  LookAtDynBlocks(reply);
  // Whom the access list or a block keeps out is told the rest as well.
  reply["rules"] = Rules(config_->chains.query);
  reply["rules-in-all"] = config_->chains.query.size();
  if (fate_ == Fate::kGoesOn) GoOn(reply);
  reply["verdict"] = Verdict(reply);
  // These two come before the rules.
  const bool kept_out = !reply["allowed"].get<bool>() || !blocked_.empty();
  reply["certain"] = certain_ || kept_out;
  return reply;
}

}  // namespace

json Explain(const ControlTarget& target, const ExplainQuestion& question,
             const FlushNumber& flush_number) {
  return Explainer(target, question, flush_number).Run();
}

}  // namespace breakwater
