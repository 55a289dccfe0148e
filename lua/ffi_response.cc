// Functions of ffi.C for answers.
#include "lua/ffi_call.h"
#include "proxy/base/text.h"
#include "proxy/dns/rewrite.h"
#include "proxy/query/message_edit.h"
#include "proxy/query/restart.h"

namespace breakwater::lua {
namespace {

// A broken message is the next step's business.
void Limit(Query& query, const dns::TtlLimits& limits) {
  (void)dns::LimitTtls(query.message(), query.records_start(), limits);
}

int SetMinTtl(FfiCall& call) {
  FfiFrame* const frame = call.Answer(1);
  const auto min = static_cast<uint32_t>(call.Integer(2, 0, UINT32_MAX));
  if (call.ok()) Limit(*frame->query, {.min = min});
  return 0;
}
int SetMaxTtl(FfiCall& call) {
  FfiFrame* const frame = call.Answer(1);
  const auto max = static_cast<uint32_t>(call.Integer(2, 0, UINT32_MAX));
  if (call.ok()) Limit(*frame->query, {.max = max});
  return 0;
}
int LimitTtl(FfiCall& call) {
  FfiFrame* const frame = call.Answer(1);
  const auto min = static_cast<uint32_t>(call.Integer(2, 0, UINT32_MAX));
  const auto max = static_cast<uint32_t>(call.Integer(3, 0, UINT32_MAX));
  if (call.ok()) Limit(*frame->query, {.min = min, .max = max});
  return 0;
}
int CapTtl(FfiCall& call) {
  FfiFrame* const frame = call.Answer(1);
  const auto max = static_cast<uint32_t>(call.Integer(2, 0, UINT32_MAX));
  if (call.ok()) frame->query->max_returned_ttl = max;
  return 0;
}
int ClearType(FfiCall& call) {
  FfiFrame* const frame = call.Answer(1);
  const auto type = static_cast<dns::Type>(call.Integer(2, 0, UINT16_MAX));
  if (!call.ok()) return 0;
  dns::EditBuffer buffer = frame->query->edit();
  if (dns::ClearRecordTypes(buffer, frame->query->records_start(), {&type, 1})) {
    frame->query->Take(buffer);
  }
  return 0;
}
int Rebase(FfiCall& call) {
  FfiFrame* const frame = call.Answer(1);
  const std::string_view wire = call.Text(2, 3);
  if (!call.ok()) return 0;
  const auto name = dns::Name::FromWire(AsBytes(wire));
  if (!name || !ChangeName(*frame->query, frame->context->packets, *name)) return call.Give(false);
  frame->query->skip_cache = true;
  return call.Give(true);
}
int StaleHit(FfiCall& call) {
  const FfiFrame* const frame = call.Answer(1);
  return frame == nullptr ? 0 : call.Give(frame->query->stale_hit);
}
int RestartCount(FfiCall& call) {
  const FfiFrame* const frame = call.Answer(1);
  return frame == nullptr ? 0 : call.Give(frame->query->restarts);
}

#define BW_ROW(name, function, parameters, help) \
  { "dnsresponse_" name, function, "(dr" parameters ")", help }
constexpr FfiRow kRows[] = {
    BW_ROW("set_min_ttl", SetMinTtl, ", min", "Raises lower TTLs."),
    BW_ROW("set_max_ttl", SetMaxTtl, ", max", "Lowers higher TTLs."),
    BW_ROW("limit_ttl", LimitTtl, ", min, max", "Both."),
    BW_ROW("set_max_returned_ttl", CapTtl, ", max",
           "Caps the TTLs that the client gets, not those that are cached."),
    BW_ROW("clear_records_type", ClearType, ", type", "Removes the records of a type."),
    BW_ROW("rebase", Rebase, ", name [, size]",
           "Puts a name, in the wire format, in place of the question's, and leaves the cache out; "
           "whether that was done."),
    BW_ROW("get_stale_cache_hit", StaleHit, "", "Whether it is an expired answer from the cache."),
    BW_ROW("get_restart_count", RestartCount, "", "How often the query was restarted."),
};
#undef BW_ROW

}  // namespace

FfiRows FfiResponseRows() {
  return kRows;
}

}  // namespace breakwater::lua
