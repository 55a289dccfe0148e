// THE file to read first: a query's life in named steps, one object a worker, all on that
// worker's thread.
//
//   OnQuery    CheckAcceptable, ParseQuestion, CheckDynamicBlocks, RunQueryRules, then Prepare and
//              Proceed:
//   Prepare    ChoosePool, DecideClientSubnet, MakeKey   (a restarted query enters here)
//   Proceed    LookUpCache, RunCacheMissRules, JoinIdenticalMiss, ChooseBackend,
//              PrepareForBackend, Forward (forward_path.cc)
//   OnReply    (reply_path.cc) JudgeReply, TakeReply, UndoBackendChanges, RunResponseRules,
//              StoreInCache, RunCacheInsertedRules, then Finish
//   OnFailure  (failure_path.cc) RetryElsewhere, ServeLastGood, RunTimeoutRules, then give up
//   ServeLastGood  (last_good_path.cc) for want of a good answer, or of one in time
//   AwaitRefresh  (refresh_path.cc) where another worker asks already
//   RefreshAhead, AskAboutZone  (own_questions.cc) what is asked though no client waits
//   WaitForSerial  (serial_path.cc) what a server that has come back says may be older than what
//              is held: its answer waits until it has told the zone's serial
//   Park       (suspended_path.cc) where a rule suspended the query; then GoOn
//   (drill_path.cc) a share of the answers is compared with a standby's while a drill runs
//   OnPart     (transfer_path.cc) zone transfers of several messages
//   FlushOnNotify  (notify_path.cc) what a NOTIFY does to caches, before it goes on as any query
//   Finish     (reply_path.cc) CapTtl, WriteExtendedErrors, FitToClient, ReplyTarget::Send
//
// Of queries that came at once (OnQueries) the next ones are begun before one proceeds, so that
// what the look-up reads is on its way from memory meanwhile.
//
// Cache hits and self-made answers enter Finish with a chain of their own, so that fitting and
// counting exist once. Listeners and exchanges call in through QuerySink; the answer leaves
// through Query::target.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <optional>

#include "proxy/backend/in_flight.h"
#include "proxy/backend/retry_budget.h"
#include "proxy/base/log.h"
#include "proxy/cache/notify_flush.h"
#include "proxy/delayed_replies.h"
#include "proxy/guard/dyn_block_table.h"
#include "proxy/joined_misses.h"
#include "proxy/pool/backend_choice.h"
#include "proxy/query/client_reply.h"
#include "proxy/query/self_answer.h"
#include "proxy/query/verdict.h"
#include "proxy/rules/rule_context.h"
#include "proxy/suspended_queries.h"
#include "proxy/worker/worker_path.h"
#include "proxy/zone_questions.h"

namespace breakwater {

class QueryPath final : public WorkerPath {
 public:
  QueryPath(PathEnvironment environment, ConfigPtr config);
  ~QueryPath() override;

  void OnQuery(QueryPtr query) override { OnQueries({&query, 1}); }
  void OnQueries(std::span<QueryPtr> queries) override;
  void OnReply(FlightId flight, uint8_t attempt, std::span<uint8_t> reply) override;
  void OnFailure(FlightId flight, uint8_t attempt, FailureKind kind) override;
  void OnSlow(FlightId flight) override;
  void OnPatienceOver(FlightId flight) override;
  void OnPart(FlightId flight, uint8_t attempt, std::span<uint8_t> part) override;
  bool MayRead(FlightId flight, uint8_t attempt) override;
  void OnRoom(FlightId flight) override;

  void UseConfig(ConfigPtr config) override;
  size_t Waiting() const override;
  void DropAll() override;

 private:
  // What the steps between the pool and the backend find out.
  struct Route {
    // Not an aggregate: those are zeroed whole, keys and all, for every query.
    explicit Route(const PolicyContext& context) : policy(context) {}
    const Pool* pool = nullptr;
    PacketCache* cache = nullptr;  // null: none, or not for this query
    std::optional<CacheKey> key;
    std::optional<CacheKey> scope_zero_key;  // for answers that are good for every subnet
    bool due = false;                        // a last good answer waits for its refresh
    bool no_server = false;                  // of the first tier, whom to ask for it
    bool own_options = false;                // a question with other ones is no help
    std::unique_ptr<RefreshTicket> refresh;  // of the entry that this question refreshes
    BackendPtr backend;
    PolicyContext policy;
  };

  struct Step;  // of OnQueries

  // --- OnQuery
  void Begin(Query& query, MonoTime when, Step& step);
  static void FetchEntry(const Step& step);
  Verdict CheckAcceptable(Query& query);
  Verdict ParseQuestion(Query& query);
  // A NOTIFY as flushes go by it.
  struct Notice {
    Address from;
    dns::Name zone;  // the root where it is about none
  };
  NotifyFlush::Decision DecideOnNotify(const Notice& notice, const PacketCache& cache);
  // What the blocks leave to be done.
  enum class Blocked : uint8_t { kNo, kDropped, kAnswered, kPastRules };
  Blocked CheckDynamicBlocks(Query& query, MonoTime when);
  Blocked ApplyBlock(Query& query, const DynBlock& block);
  Verdict RunQueryRules(Query& query, MonoTime when);
  void FlushOnNotify(const Query& query, Verdict verdict);
  struct NotifyEffect;
  NotifyEffect FlushCachesFor(const Notice& notice);
  void FinishNotify(const Notice& notice, const NotifyEffect& effect);
  void NoteNotify(const Notice& notice, std::string_view what);
  // Whether there is such a zone, where that is not known yet; true where somebody is asked.
  bool AskForNotice(const Notice& notice, const std::string& pool);
  // False where the question was not about a notice.
  bool EndNoticeQuestion(FlightId id, const dns::Name& zone, std::optional<BadKind> bad);
  Verdict Prepare(Query& query, Route& route);
  void Proceed(QueryPtr query, Route& route);
  Verdict ChoosePool(Query& query, Route& route);
  Verdict DecideClientSubnet(Query& query, Route& route);
  void MakeKey(Query& query, Route& route);
  Verdict LookUpCache(Query& query, Route& route);
  Verdict RunCacheMissRules(Query& query, Route& route);
  void GoToBackend(QueryPtr query, Route& route);
  bool JoinIdenticalMiss(QueryPtr& query, Route& route);
  static bool MayServeLastGood(const Route& route);  // where no answer comes in time
  bool LookUpForWantOfServers(Query& query, Route& route);
  bool MayBeJoined(const Query& query, const Route& route) const;
  Verdict ChooseBackend(Query& query, Route& route);
  void PrepareForBackend(Query& query, const Route& route);
  void Forward(QueryPtr query, Route& route, FlightPurpose purpose = FlightPurpose::kClient);
  FlightId OpenFlight(QueryPtr query, const Route& route, FlightPurpose purpose);
  ClientSubnetDefaults ClientSubnets() const;
  void AddSubnet(Query& query);
  bool LookUp(Query& query, Route& route, LastGoodUse use);
  bool LookUp(Query& query, Route& route, const CacheKey& key, const CacheLookup& how);
  void AnswerError(Query& query, dns::RCode rcode);
  Verdict FlowToVerdict(Flow flow, Query& query);
  void CountRuleAnswer(const Query& query);

  // --- OnReply
  bool AskOverStream(FlightId id, Flight& flight, uint8_t attempt);
  void CountReply(Flight& flight, uint8_t attempt, std::span<const uint8_t> reply);
  void TakeReply(Query& query, std::span<const uint8_t> reply);
  void UndoBackendChanges(Query& query);
  bool RunResponseChain(Query& query, ResponseChainKind kind, const BackendPtr* backend);
  // The same, and sees to what the rules decided: false where the answer was dropped, or the query
  // went back to its start, and then `query` is null, or where it is suspended, and then the caller
  // has it parked.
  bool PassResponseChain(QueryPtr& query, ResponseChainKind kind, const BackendPtr* backend);
  void Restart(QueryPtr query);  // to its start, as a rule asked for
  void BeginAgain(QueryPtr query);
  // What the steps between a reply and its storing remember of it.
  struct ReplyFacts {
    bool datagram = false;
    bool scope_zero = false;  // a client subnet option says: good for all
    Judgement judgement{.cls = AnswerClass::kGood};
    uint8_t apex_labels = 0;   // of the zone that the answer speaks for; 0: it does not say
    bool standby = false;      // of a server behind the first tier
    bool by_option = false;    // an option of the asker's may be the cause: a cookie, say
    bool empties = false;      // all servers are to say so: there was something, says the cache
    bool outdone = false;      // of a standby: what is held is newer, or signed
    bool behind = false;       // its server has an older version of the zone than another
    bool unproved = false;     // its server may hold an older version of the zone
    uint8_t zone_labels = 0;   // of the zone's apex, where unproved
    bool lost = false;         // unproved: its server may have lost the zone
    bool serial_told = false;  // to ZoneHealth, as it came
    // What its server is to be blamed for, where nothing proves it.
    BadKind suspected() const { return lost ? BadKind::kVanished : BadKind::kOlder; }
  };
  struct Reply {
    std::span<const uint8_t> message;
    BackendPtr backend;
    ReplyFacts facts;
  };
  ReplyFacts FactsOf(const Flight& flight, bool datagram, std::span<const uint8_t> reply) const;
  // The reply is all that its server will say: it is the answer, or something better is looked for.
  void UseReply(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply);
  // Who joined with other options asks for itself. The flight may end meanwhile.
  void SendOthersAgain(Flight& flight);
  // For all who waited for it.
  void Deliver(Flight ended, const Reply& reply);
  void DeliverToAsker(Flight& ended, const Reply& reply);
  void StoreAndFinish(Flight& ended, const ReplyFacts& facts, const BackendPtr& backend);
  void DeliverToWaiter(QueryPtr waiter, const Flight& ended, const Reply& reply);
  static void CapIfStandby(Query& query, const PacketCache* cache, const Reply& reply);
  void StoreInCache(Flight& flight, const Query& query, const ReplyFacts& facts);
  void FinishSelfAnswer(QueryPtr query);
  void FinishHit(QueryPtr query);
  void NoteStaleAnswer(Query& query);
  static void ForgetStaleAnswer(Query& query);
  void Finish(QueryPtr query);
  void CapTtl(Query& query);
  void WriteExtendedErrors(Query& query);
  void FitToClient(Query& query);
  void CountAnswer(const Query& query);
  RingRecord RingRecordOf(const Query& query, MonoTime when) const;
  void Drop(QueryPtr query, DropReason reason);
  // Ends a query whose steps said `verdict` other than kContinue.
  void Conclude(QueryPtr query, Verdict verdict);

  // --- OnPart
  bool TakePart(FlightId id, uint8_t attempt, std::span<const uint8_t> part);
  void OnLastPart(FlightId id, uint8_t attempt, std::span<const uint8_t> part);
  void PauseTransfer(FlightId id, uint8_t attempt);
  void BreakOff(FlightId id);
  void DropFlight(FlightId id, DropReason reason);

  // --- last good answers
  // Why an attempt brought nothing good.
  struct Shortcoming {
    FailureKind failure;
    BadKind kind;
  };
  // Zones are judged by answers to ordinary questions: not by those to UPDATE, NOTIFY or a
  // transfer.
  static bool TellsOfZones(const Query& query);
  void Judge(const Flight& flight, Reply& reply);
  bool IsStandby(const Query& query, const Backend& backend) const;
  ZoneHealth::Noted NoteForZone(const Flight& flight, const Reply& reply);
  ZoneHealth::Noted NoteForZone(const ZoneHealth::Answer& answer);
  bool WaitForBetter(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply);
  bool ServeInstead(FlightId id, Flight& flight, const Reply& reply);
  bool IsHeld(const Flight& flight);
  static std::unique_ptr<BadReply> Kept(const Reply& reply);
  bool AnswerMeanwhile(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply);
  bool EndWithMeanwhile(FlightId id, Flight& flight);
  void AnswerFromMeanwhile(FlightId id, Flight& flight);
  bool AskForAnotherWord(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply);
  bool ServeWhatOutdoes(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply);
  // All who wait get what is held; the flight stays open.
  void AnswerClientsFromHeld(FlightId id, std::string_view why);
  // Those who wait for it; the flight goes on as a question of ours.
  std::vector<QueryPtr> TakeClients(Flight& flight);
  bool AskStandby(FlightId id, Flight& flight, const Shortcoming& shortcoming);
  void DeliverBad(FlightId id, Flight& flight);
  bool ServeLastGood(FlightId id, Flight& flight, BadKind why, LastGoodUse use = LastGoodUse::kAny);
  void EndWithWhatThereIs(FlightId id, std::string_view why);
  bool HoldLastGood(const Flight& flight, LastGoodUse use);
  void ForgetLastGood(const Flight& flight);
  bool AnswerFromLastGood(QueryPtr& query, const Flight& flight);
  void AnswerWithWhatThereIs(QueryPtr query, const Flight& ended);
  void GiveBack(const Flight& flight);
  void NoteLastGood(const Flight& flight, std::string_view why);
  // Until OnPatienceOver(), less what was `waited` already.
  void StartPatience(FlightId id, Flight& flight, MonoTime waited = {});
  void AwaitForWantOfOwn(FlightId id, Flight& flight);

  // --- one refresh of an entry, whatever worker is asked (refresh_path.cc)
  PacketCache::RefreshState BeginRefresh(const Query& query, Route& route);
  bool AwaitRefresh(QueryPtr& query, Route& route);
  void LookAgain(FlightId id, Flight& flight);
  void EndWaiting(FlightId id);  // who is left in the flight asks for itself

  // --- questions of our own
  void RefreshAhead(const Query& query, const Route& route);
  bool EndIfAhead(FlightId id, const Flight& flight);
  // Nothing where it cannot be sent.
  std::optional<FlightId> AskAboutZone(const ZoneQuestion& question);
  // True where the question goes on in other words.
  bool AskPlainly(FlightId id, Flight& flight, uint8_t attempt, dns::RCode rcode);
  void EndZoneQuestion(FlightId id, const BackendPtr& backend, const ZoneHealth::Noted& noted,
                       std::optional<BadKind> bad);
  void EndLearning(const Query& query, const BackendPtr& backend, std::optional<BadKind> bad);
  std::vector<FlightId> TakeWaiting(const Flight& ended, const Backend& backend);
  // Zones that are bad where nobody asks: false where none is.
  bool TryBadZones();
  void TryBadZone(const ZoneHealth::Trial& trial);
  // What the answer, or none in time, leaves open about its zone.
  void AskMore(const Query& query, const BackendPtr& backend, const ZoneHealth::Noted& noted,
               std::optional<BadKind> bad);
  dns::Name NameToDoubt(const dns::Name& name, size_t zone_labels);
  bool AsksOfZones(const Query& query);
  ZoneHealth::Word WordOf(const Flight& flight);
  // --- serials
  bool SerialsCount(const Query& query);
  void LookAtSerial(const Flight& flight, const AnswerFacts& facts, KnownAnswer& known,
                    Reply& reply);
  // A wildcard's answer, perhaps: it counts, for good or bad, once that is known.
  static bool IsToBeProved(const Flight& flight, const Reply& reply);
  // True where the flight waits, or has ended.
  bool WaitForSerial(FlightId id, Flight& flight, uint8_t attempt, Reply& reply);
  // The server was asked for its serial: those whose answers waited for it go on.
  enum class SerialAnswer : uint8_t { kTold, kFailed };
  void EndSerialWaits(const std::vector<FlightId>& waiting, const BackendPtr& backend,
                      SerialAnswer answer);
  void AskSerials(const Query& query, const ZoneHealth::Noted& noted);
  // --- drills (backend/drills.h)
  // The answer of the first tier is about to be delivered. True where the flight waits for the
  // standby's first.
  bool CompareInDrill(FlightId id, Flight& flight, uint8_t attempt, const Reply& reply);
  void CompareHit(const Query& query);
  void OnDrillReply(FlightId id, Flight& flight, uint8_t attempt, std::span<const uint8_t> reply);
  // Its standby, or the first tier asked for a hit, says nothing.
  void OnDrillSilence(FlightId id, Flight& flight, FailureKind kind);
  bool AskForDrill(FlightId id, const BackendPtr& backend);
  void Mirror(const Query& query, std::unique_ptr<DrillProbe> probe);
  const Pool* DrilledPool(const Query& query, const DrillProbe& probe) const;
  void DeliverDrilled(FlightId id, Flight& flight);
  struct DrillOutcome {
    bool silent = false;
    std::optional<std::string> difference{};
    bool served = false;
  };
  void NoteInDrill(const Flight& flight, const DrillOutcome& outcome);

  // --- suspended by a script (query/suspended.h)
  void ParkAfterRules(QueryPtr query);
  // Then it is finished. Nothing for null.
  void ParkAnswer(QueryPtr query);
  // The rest of the flight stays: others may wait for it.
  void ParkReply(Flight& ended, const Reply& reply);
  void ParkTimeout(QueryPtr query, DropReason reason);
  void GoOn(QueryPtr query, const SuspendedQueries::GoOn& then);
  SuspendedQueries::Setup SuspendSetup();

  // --- flights and who waits for them
  Flight TakeFlight(FlightId id);
  // The same, but who was asked before this attempt and is silent yet stays open (kOverdue).
  Flight TakeAnswered(FlightId id, uint8_t attempt);
  enum class Joining : uint8_t { kAny, kSameOptions };
  void AskAgain(QueryPtr query, const Flight& ended, Joining joining = Joining::kAny);
  // How large an answer over UDP is asked for, for the cache's sake too.
  static uint16_t AskedSize(const Query& query);

  // --- OnFailure
  bool Start(FlightId id, const BackendPtr& backend);
  bool RetryElsewhere(FlightId id, Flight& flight, FailureKind kind,
                      Reach reach = Reach::kSameTier);
  // Whether the last one asked is bad for the zone, and so gets a query now and then only, to try,
  // where this one is not.
  bool WasTrial(const Flight& flight, const Backend& other);
  BackendPtr AnotherBackend(const Flight& flight, Reach reach);
  ZoneHealth* ZonesFor(const Pool& pool);
  void EndIfOverdue(FlightId id);
  ZoneHealth::Noted NoteTimeout(const Flight& flight, const Backend& backend, FailureKind kind);
  uint32_t RetryAfterMs(const Backend& backend) const;
  uint32_t TimeoutMs(const Backend& backend) const;
  void GiveUp(FlightId id, Flight& flight, DropReason reason);
  void EndUnanswered(QueryPtr query, const Address& last, DropReason reason);

  SelfAnswerContext SelfAnswers();
  // For chains that can be suspended; others take that out.
  RuleContext Rules(const BackendPtr* backend = nullptr);
  MonoTime now() const { return env_.now(); }

  PathEnvironment env_;
  ConfigPtr config_;
  InFlight in_flight_;
  JoinedMisses joined_;
  ZoneQuestions zone_questions_;
  DelayedReplies delayed_;
  SuspendedQueries suspended_;
  RetryBudget retries_;
  RingCursor ring_cursor_;
  DynBlockView dyn_blocks_;
  bool drill_runs_ = false;  // as this turn's queries see it
  LogLimiter broken_transfers_;
  LogLimiter last_good_notes_;
  LogLimiter notify_notes_;
  struct Noticed {
    Address from;
    MonoTime when;
    FlightId flight;  // that asks
  };
  absl::flat_hash_map<std::string, Noticed> noticed_;  // zones that AskForNotice asks for
  std::function<const Pool*(std::string_view)> find_pool_;
};

}  // namespace breakwater
