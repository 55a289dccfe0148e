// A group of rules about clients (dynBlockRulesGroup): which of them ask too much, or are answered
// badly too often, by what the rings hold. One pass over the rings counts for all rules, in memory
// that the number of ring entries bounds. Used by one thread (the script's); Evaluate reads the
// rings, which any number of threads write meanwhile.
#pragma once

#include <string>
#include <vector>

#include "proxy/base/netmask_tree.h"
#include "proxy/guard/dyn_block_table.h"
#include "proxy/observe/rings.h"

namespace breakwater {

enum class DynBlockMeasure : uint8_t {
  kQueryRate,         // queries a second
  kResponseByteRate,  // octets of answers a second
  kCacheMissRatio,    // answers of servers, of all answers
  kTypeRate,          // queries of a type a second
  kRCodeRate,         // answers of an rcode a second
  kRCodeRatio,        // answers of an rcode, of all answers
  kAllowedRCodes,     // answers of rcodes that are not listed, of all answers
};
bool IsRatio(DynBlockMeasure measure);

struct DynBlockRule {
  DynBlockMeasure measure{};
  // What must be exceeded, a second or of all; the warning's is 0 where there is none.
  double limit = 0;
  double warning_limit = 0;
  uint32_t seconds = 0;  // looked at; 0: all that the rings hold
  uint32_t block_s = 0;
  std::string reason;
  DynBlockAction action = DynBlockAction::kNone;
  std::string tag_name;
  std::string tag_value;
  uint16_t code = 0;                     // the type or rcode
  std::vector<uint16_t> allowed_rcodes;  // of kAllowedRCodes
  uint64_t minimum = 0;                  // answers, for a ratio to count
  double minimum_hit_ratio = 0;          // of the whole cache, for kCacheMissRatio
  // What the blocks of the rule carry; made by DynBlockGroup::Set.
  DynBlockCausePtr cause;
  DynBlockCausePtr warning_cause;
};

// One block that a rule asks for.
struct DynBlockFinding {
  ClientRange clients;
  DynBlockCausePtr cause;
  DynBlockAction action{};  // as the rule has it
  uint32_t block_s = 0;
};

// Hits and misses of all caches since the start.
struct CacheTotals {
  uint64_t hits = 0;
  uint64_t misses = 0;
};

class DynBlockGroup {
 public:
  // In place of the rule with the same measure and code, if there is one.
  void Set(DynBlockRule rule);
  void SetMasks(const ClientMasks& masks) { masks_ = masks; }
  // Clients in `networks` are not counted; Include makes exceptions of that, and Remove takes back
  // what one of the two said of exactly this network.
  void Exclude(const Netmask& network) { excluded_.Add(network); }
  void Include(const Netmask& network) { excluded_.Exclude(network); }
  void Remove(const Netmask& network) { excluded_.Remove(network); }
  bool quiet() const { return quiet_; }
  void set_quiet(bool quiet) { quiet_ = quiet; }

  // What clients did up to `now`: for each the warning first, then the block.
  std::vector<DynBlockFinding> Evaluate(const Rings& rings, const CacheTotals& totals,
                                        MonoTime now) const;
  // "Query rate rule: ..." and so on, a line each; that of the suffix match rule is the caller's.
  std::string ToString(const std::string& suffix_rule, const std::string& excluded_names) const;

 private:
  struct Count;
  void CountQueries(const Rings& rings, MonoTime now, Count& count) const;
  void CountResponses(const Rings& rings, MonoTime now, Count& count) const;
  const DynBlockRule* Find(DynBlockMeasure measure) const;
  std::string LinesOf(std::span<const DynBlockMeasure> measures) const;

  std::vector<DynBlockRule> rules_;  // in the order of DynBlockMeasure
  ClientMasks masks_;
  NetmaskGroup excluded_;
  bool quiet_ = false;
};

// "Drop for 60 seconds when over 30 during the last 10 seconds, reason: 'x'"
std::string DynBlockRuleText(const DynBlockRule& rule);

}  // namespace breakwater
