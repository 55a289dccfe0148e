// The numbers of Lua's DNSAction and DNSResponseAction tables: what a Lua rule returns.
#pragma once

namespace breakwater::lua {

enum class LuaAction {
  kDrop = 0,
  kNxdomain = 1,
  kRefused = 2,
  kSpoof = 3,
  kAllow = 4,
  kHeaderModify = 5,
  kPool = 6,
  kDelay = 7,
  kTruncate = 8,
  kServFail = 9,
  kNone = 10,
  kNoOp = 11,
  kNoRecurse = 12,
  kSpoofRaw = 13,
  kSpoofPacket = 14,
  kSetTag = 15,
};

enum class LuaResponseAction {
  kAllow = 0,
  kDelay = 1,
  kDrop = 2,
  kHeaderModify = 3,
  kServFail = 4,
  kNone = 5,
  kTruncate = 6,
};

}  // namespace breakwater::lua
