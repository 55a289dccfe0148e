// What the configuration says about dynamic blocks as such, and what a block may do. Small, for
// the configuration includes it; the blocks themselves are in dyn_block_table.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace breakwater {

enum class DynBlockAction : uint8_t {
  kNone,  // what setDynBlocksAction says
  kDrop,
  kNxdomain,
  kRefused,
  kTruncate,   // over UDP; streams go on
  kNoRecurse,  // RD is cleared and no query rule runs
  kNoOp,
  kSetTag,  // the query rules see the tag
};
// "Send NXDomain", as showDynBlocks() prints it.
std::string_view DynBlockActionText(DynBlockAction action);

struct DynBlockSettings {
  DynBlockAction action = DynBlockAction::kDrop;  // setDynBlocksAction
  uint32_t purge_interval_s = 60;                 // setDynBlocksPurgeInterval; 0: never
};

class DynBlockTable;
std::shared_ptr<DynBlockTable> MakeDynBlockTable();

}  // namespace breakwater
