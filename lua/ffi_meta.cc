// Functions of ffi.C that add to the `meta` of a query's protobuf messages: a key is begun, gets
// values, and is ended within one call of the rule's function.
#include <fmt/format.h>

#include "lua/ffi_call.h"

namespace breakwater::lua {
namespace {

constexpr size_t kMostValues = 1000;

// Where the first argument must be: dq, or dr.
using Argument = FfiFrame* (FfiCall::*)(int);

// The meta that was begun; null, and a problem noted, where there is none.
QueryMeta* Begun(FfiCall& call, FfiFrame* frame) {
  if (!call.ok()) return nullptr;
  if (!frame->meta) {
    call.Fail("no key has been begun: meta_begin_key comes first");
  } else if (frame->meta->texts.size() + frame->meta->numbers.size() >= kMostValues) {
    call.Fail(fmt::format("a key has {} values at most", kMostValues));
  } else {
    return &*frame->meta;
  }
  return nullptr;
}

template <Argument Of>
int Begin(FfiCall& call) {
  FfiFrame* const frame = (call.*Of)(1);
  const std::string_view key = call.Text(2, 3);
  if (!call.ok()) return 0;
  if (frame->meta)
    return call.Fail(fmt::format("the key '{}' has not been ended", frame->meta->key));
  frame->meta = QueryMeta{.key = std::string(key), .texts = {}, .numbers = {}};
  return 0;
}
template <Argument Of>
int AddText(FfiCall& call) {
  FfiFrame* const frame = (call.*Of)(1);
  const std::string_view value = call.Text(2, 3);
  if (QueryMeta* const meta = Begun(call, frame)) meta->texts.emplace_back(value);
  return 0;
}
template <Argument Of>
int AddNumber(FfiCall& call) {
  FfiFrame* const frame = (call.*Of)(1);
  const int64_t value = call.Integer(2, INT64_MIN, INT64_MAX);
  if (QueryMeta* const meta = Begun(call, frame)) meta->numbers.push_back(value);
  return 0;
}
template <Argument Of>
int End(FfiCall& call) {
  FfiFrame* const frame = (call.*Of)(1);
  if (!call.ok()) return 0;
  if (!frame->meta) return call.Fail("no key has been begun: meta_begin_key comes first");
  auto& metas = frame->query->Extras().metas;
  std::erase_if(metas, [&](const QueryMeta& known) { return known.key == frame->meta->key; });
  metas.push_back(std::move(*frame->meta));
  frame->meta.reset();
  return 0;
}

#define BW_META(what, argument, of)                                                            \
  {what "_meta_begin_key", Begin<of>, "(" argument ", key [, size])",                          \
   "Begins a key of the meta field of protobuf messages; in place of one that is there."},     \
      {what "_meta_add_str_value_to_key", AddText<of>, "(" argument ", value [, size])",       \
       "Adds a text to it."},                                                                  \
      {what "_meta_add_int64_value_to_key", AddNumber<of>, "(" argument ", value)",            \
       "Adds a number to it."},                                                                \
  {                                                                                            \
    what "_meta_end_key", End<of>, "(" argument ")", "Ends it; what is not ended is not told." \
  }
constexpr FfiRow kRows[] = {
    BW_META("dnsquestion", "dq", &FfiCall::Question),
    BW_META("dnsresponse", "dr", &FfiCall::Answer),
};
#undef BW_META

}  // namespace

FfiRows FfiMetaRows() {
  return kRows;
}

}  // namespace breakwater::lua
