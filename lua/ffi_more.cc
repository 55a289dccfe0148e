// Functions of ffi.C that are about no query: hashes, and metrics of the operator's own.
#include "lua/ffi_call.h"
#include "proxy/base/hash.h"
#include "proxy/base/text.h"

namespace breakwater::lua {
namespace {

// (seed, data, size, caseInsensitive)
int Hash(FfiCall& call) {
  const auto seed = static_cast<uint32_t>(call.Integer(1, 0, UINT32_MAX));
  std::string text(call.Text(2, 3));
  const bool fold = !lua_isnoneornil(call.state(), 4) && call.Boolean(4);
  if (!call.ok()) return 0;
  if (text.empty()) return call.Give(seed);
  if (fold) text = ToLowerAscii(text);
  return call.Give(static_cast<uint32_t>(HashBytes(AsBytes(text), seed)));
}

// (name, size, type, description [, customName])
int Declare(FfiCall& call) {
  const std::string_view name = call.Text(1, 2);
  const std::string_view type = call.Text(3);
  const std::string_view description = call.Text(4);
  std::string_view custom;
  if (!lua_isnoneornil(call.state(), 5)) custom = call.Text(5);
  if (!call.ok()) return 0;
  if (type != "counter" && type != "gauge") return call.Give(false);
  const auto declared = call.metrics().Declare({.name = std::string(name),
                                                .is_gauge = type == "gauge",
                                                .description = std::string(description),
                                                .prometheus_name = std::string(custom),
                                                .with_labels = false});
  return call.Give(declared.has_value());
}
// As dnsdist does: a name that nobody declared is no error.
int Increment(FfiCall& call) {
  const std::string_view name = call.Text(1, 2);
  if (call.ok()) (void)call.metrics().Add(name, {}, 1);
  return 0;
}
int IncrementBy(FfiCall& call) {
  const std::string_view name = call.Text(1, 2);
  const auto step = static_cast<uint64_t>(call.Integer(3, 0, INT64_MAX));
  if (call.ok()) (void)call.metrics().Add(name, {}, step);
  return 0;
}
int Decrement(FfiCall& call) {
  const std::string_view name = call.Text(1, 2);
  if (call.ok()) (void)call.metrics().Subtract(name, {}, 1);
  return 0;
}
int Set(FfiCall& call) {
  const std::string_view name = call.Text(1, 2);
  const double value = call.Number(3);
  if (call.ok()) (void)call.metrics().Set(name, {}, value);
  return 0;
}
// Whether it is a counter is known; the third parameter of dnsdist's is not needed.
int Get(FfiCall& call) {
  const std::string_view name = call.Text(1, 2);
  if (!call.ok()) return 0;
  return call.Give(call.metrics().Get(name, {}).value_or(0.0));
}

constexpr FfiRow kRows[] = {
    {"hash", Hash, "(seed, data, size [, caseInsensitive])",
     "A hash of 32 bits, the same as long as the seed is; the seed for no data."},
    {"metric_declare", Declare, "(name, size, type, description [, customName])",
     "As declareMetric(); whether it is there."},
    {"metric_inc", Increment, "(name, size)", "Adds 1 to a counter."},
    {"metric_inc_by", IncrementBy, "(name, size, step)", "Adds to a counter."},
    {"metric_dec", Decrement, "(name, size)", "Takes 1 from a counter."},
    {"metric_set", Set, "(name, size, value)", "Sets a gauge."},
    {"metric_get", Get, "(name, size)", "The value of a metric; 0 where there is none."},
};

}  // namespace

FfiRows FfiMoreRows() {
  return kRows;
}

}  // namespace breakwater::lua
