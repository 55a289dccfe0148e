#include "lua/qps_limiter.h"

#include <fmt/format.h>

#include "lua/object_args.h"
#include "proxy/base/token_bucket.h"

namespace breakwater::lua {

template <>
struct LuaClass<TokenBucket> {
  static constexpr const char* kName = "QPSLimiter";
};

namespace {

std::shared_ptr<TokenBucket> NewLimiter(uint32_t rate, uint32_t burst) {
  return std::make_shared<TokenBucket>(rate, burst);
}
bool Check(Call& call, TokenBucket& bucket) {
  return bucket.Take(call.runtime().clock().Now());
}

constexpr FunctionRow kMethods[] = {
    {"check", Bind<&Check>, "QPSLimiter:check() -> bool",
     "True while its rate is kept, and counts this time.", Scope::kAnywhere},
};
const ClassRow kClass = {"QPSLimiter", kMethods, {},      nullptr,
                         nullptr,      nullptr,  nullptr, "A rate that is not to be exceeded."};

constexpr FunctionRow kFunctions[] = {
    {"newQPSLimiter", Bind<&NewLimiter>, "newQPSLimiter(rate, burst) -> QPSLimiter",
     "Lets so many things happen in a second, and so many at once.", Scope::kAnywhere},
};

}  // namespace

FunctionPage QpsLimiterFunctions() {
  return kFunctions;
}
const ClassRow& QpsLimiterClass() {
  return kClass;
}

}  // namespace breakwater::lua
