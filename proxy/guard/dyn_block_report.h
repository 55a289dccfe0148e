// Dynamic blocks for people: lists, the console's table, and the log line of a new block. Any
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/guard/dyn_block_table.h"

namespace breakwater {

struct DynBlockRow {
  std::string what;                    // "192.0.2.0/24", "example.com."
  std::optional<ClientRange> clients;  // unset: a name
  DynBlock block;
  DynBlockAction action{};  // what it does: never kNone
  uint64_t seconds = 0;     // that are left
  uint64_t blocks = 0;      // what met it, in the kernel too
};

// Those in force: clients in the order of their addresses, then names in that of the alphabet.
std::vector<DynBlockRow> ListDynBlocks(const DynBlockTable& table, const DynBlockSettings& settings,
                                       MonoTime now);

// showDynBlocks(): the rows as a table; where the blocks may be in a kernel filter too, a column
// tells which are.
std::string DynBlocksText(const std::vector<DynBlockRow>& rows, const DynBlockTable& table);

struct NewDynBlock {
  std::string what;
  const DynBlockCause& cause;
  uint32_t seconds;
};
// The log lines of one pass that makes blocks, "Inserting dynamic block for ..." each. A thousand
// a second, over all passes, for a flood comes from many addresses; how many more there were is
// told at the end of the pass.
class DynBlockLog {
 public:
  explicit DynBlockLog(MonoTime now) : now_(now) {}
  ~DynBlockLog();
  DynBlockLog(const DynBlockLog&) = delete;
  DynBlockLog& operator=(const DynBlockLog&) = delete;

  void Add(const NewDynBlock& block);

 private:
  const MonoTime now_;
};

}  // namespace breakwater
