#include "proxy/rules/selectors/pool_selectors.h"

#include <fmt/format.h>

#include "proxy/rules/selectors/simple_selector.h"

namespace breakwater {

SelectorPtr MakePoolAvailableSelector(std::string pool) {
  std::string text = "pool '" + pool + "' is available";
  return MakeSimpleSelector(std::move(text),
                            [name = std::move(pool)](const Query&, RuleContext& context) {
                              const Pool* found = context.find_pool(name);
                              return found != nullptr && found->AnyUp();
                            });
}

SelectorPtr MakePoolOutstandingSelector(std::string pool, uint64_t limit) {
  std::string text = fmt::format("pool '{}' outstanding > {}", pool, limit);
  return MakeSimpleSelector(std::move(text),
                            [name = std::move(pool), limit](const Query&, RuleContext& context) {
                              const Pool* found = context.find_pool(name);
                              return found != nullptr && found->Outstanding() > limit;
                            });
}

}  // namespace breakwater
