#include "proxy/rules/selectors/lookup_selectors.h"

#include <fmt/format.h>

#include "proxy/rules/selectors/simple_selector.h"

namespace breakwater {
namespace {

using Find = bool (KeyValueStore::*)(KeyValueStore::Key, KeyValueStore::Visitor) const;

SelectorPtr Make(std::string text, Find find, std::pair<KeyValueStorePtr, LookupKeyPtr> what) {
  return MakeSimpleSelector(
      std::move(text), [find, store = what.first, key = what.second](const Query& query, auto&) {
        bool found = false;
        key->ForEach(query, [&](KeyValueStore::Key bytes) {
          found = (store.get()->*find)(bytes, [](std::string_view) {});
          return !found;
        });
        return found;
      });
}

}  // namespace

SelectorPtr MakeLookupSelector(KeyValueStorePtr store, LookupKeyPtr key) {
  std::string text = fmt::format("lookup key-value store based on '{}'", key->ToString());
  return Make(std::move(text), &KeyValueStore::Find, {std::move(store), std::move(key)});
}

SelectorPtr MakeRangeLookupSelector(KeyValueStorePtr store, LookupKeyPtr key) {
  std::string text =
      fmt::format("range-based lookup key-value store based on '{}'", key->ToString());
  return Make(std::move(text), &KeyValueStore::FindRange, {std::move(store), std::move(key)});
}

}  // namespace breakwater
