// Functions of ffi.C that suspend queries and answers, and say how they go on.
#include "lua/ffi_call.h"
#include "proxy/base/text.h"
#include "proxy/query/suspended.h"

namespace breakwater::lua {
namespace {

SuspendKey Key(FfiCall& call, int index) {
  return {static_cast<uint16_t>(call.Integer(index, 0, UINT16_MAX)),
          static_cast<uint16_t>(call.Integer(index + 1, 0, UINT16_MAX))};
}

// Takes what is suspended, where `edit` changed it, and has it go on.
int Resume(FfiCall& call, const SuspendKey& key, const std::function<bool(HeldMessage&)>& edit) {
  auto taken = call.suspended().TakeIf(key, edit);
  return call.Give(taken && taken->Resume());
}

int SetAsync(FfiCall& call, FfiFrame* frame) {
  const SuspendKey key = Key(call, 2);
  const auto timeout_ms = static_cast<uint32_t>(call.Integer(4, 0, INT32_MAX));
  if (!call.ok()) return 0;
  Suspender* const suspender = frame->context->suspender;
  return call.Give(suspender != nullptr && suspender->Suspend(*frame->query, key, timeout_ms));
}
int SuspendQuery(FfiCall& call) {
  return SetAsync(call, call.Editable(1));
}
int SuspendAnswer(FfiCall& call) {
  FfiFrame* const frame = call.Editable(1);
  if (frame != nullptr) (void)call.Answer(1);
  return SetAsync(call, frame);
}

// A text that may be nil, with its size behind it.
std::string_view TextOrNothing(FfiCall& call, int index) {
  if (lua_isnoneornil(call.state(), index)) return {};
  return call.Text(index, index + 1);
}

// (asyncID, queryID, tag, size, value, size, useCache)
int ResumeAsync(FfiCall& call) {
  const SuspendKey key = Key(call, 1);
  const std::string_view tag = TextOrNothing(call, 3);
  const std::string_view value = TextOrNothing(call, 5);
  const bool use_cache = call.Boolean(7);
  if (!call.ok()) return 0;
  return Resume(call, key, [&](HeldMessage& message) {
    if (!tag.empty()) message.query().SetTag(tag, value);
    if (!use_cache) message.query().skip_cache = true;
    return true;
  });
}
// (asyncID, queryID, name, size, tag, size, value, size, former tag, size)
int ResumeWithName(FfiCall& call) {
  const SuspendKey key = Key(call, 1);
  const std::string_view wire = call.Text(3, 4);
  const std::string_view tag = TextOrNothing(call, 5);
  const std::string_view value = TextOrNothing(call, 7);
  const std::string_view former = TextOrNothing(call, 9);
  if (!call.ok()) return 0;
  const auto name = dns::Name::FromWire(AsBytes(wire));
  if (!name) return call.Give(false);
  return Resume(call, key, [&](HeldMessage& message) {
    if (!AskForAnother(message, *name, former)) {
      call.suspended().CountUnfitName();
      return false;
    }
    if (!tag.empty()) message.query().SetTag(tag, value);
    return true;
  });
}
int SetAnswer(FfiCall& call) {
  const SuspendKey key = Key(call, 1);
  const std::string_view packet = call.Text(3, 4);
  if (!call.ok()) return 0;
  return Resume(call, key,
                [&](HeldMessage& message) { return SetHeldAnswer(message, AsBytes(packet)); });
}
int SetRCode(FfiCall& call) {
  const SuspendKey key = Key(call, 1);
  const auto rcode = static_cast<uint16_t>(call.Integer(3, 0, 4095));
  const bool clear = call.Boolean(4);
  if (!call.ok()) return 0;
  return Resume(call, key, [&](HeldMessage& message) {
    SetHeldRCode(message, rcode, clear ? HeldRecords::kCleared : HeldRecords::kKept);
    return true;
  });
}
int DropAsync(FfiCall& call) {
  const SuspendKey key = Key(call, 1);
  if (!call.ok()) return 0;
  auto taken = call.suspended().Take(key);
  return call.Give(taken && taken->Drop());
}

constexpr FfiRow kRows[] = {
    {"dnsquestion_set_async", SuspendQuery, "(dq, asyncID, queryID, timeoutMS)",
     "Suspends the query; false where it goes on. As dq:suspend()."},
    {"dnsresponse_set_async", SuspendAnswer, "(dr, asyncID, queryID, timeoutMS)",
     "Suspends the answer; false where it goes on. As dr:suspend()."},
    {"resume_from_async", ResumeAsync, "(asyncID, queryID, tag, size, value, size, useCache)",
     "Has what is suspended under these numbers go on, with a tag perhaps; false where there is "
     "nothing."},
    {"resume_from_async_with_alternate_name", ResumeWithName,
     "(asyncID, queryID, name, size [, tag, size, value, size [, formerTag, size]])",
     "The same, asking for another name, in the wire format; an answer needs "
     "dnsquestion_set_restartable of its query. False too where the name has no room in the query: "
     "it stays suspended, and when time is up it goes on as it was."},
    {"set_answer_from_async", SetAnswer, "(asyncID, queryID, packet [, size])",
     "Answers what is suspended with that packet."},
    {"set_rcode_from_async", SetRCode, "(asyncID, queryID, rcode, clearRecords)",
     "Answers what is suspended with that rcode."},
    {"drop_from_async", DropAsync, "(asyncID, queryID)", "Drops what is suspended."},
};

}  // namespace

std::span<const FfiRow> FfiAsyncRows() {
  return kRows;
}

}  // namespace breakwater::lua
