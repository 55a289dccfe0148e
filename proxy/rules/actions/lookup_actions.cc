#include "proxy/rules/actions/lookup_actions.h"

#include <fmt/format.h>

#include "proxy/rules/actions/simple_action.h"

namespace breakwater {
namespace {

using Find = bool (KeyValueStore::*)(KeyValueStore::Key, KeyValueStore::Visitor) const;

struct Lookup {
  KeyValueStorePtr store;
  LookupKeyPtr key;
  std::string tag;
};

ActionPtr Make(std::string text, Find find, Lookup lookup) {
  return MakeSimpleAction(
      std::move(text), [find, lookup = std::move(lookup)](Query& query, RuleContext&) {
        bool found = false;
        lookup.key->ForEach(query, [&](KeyValueStore::Key bytes) {
          found = (lookup.store.get()->*find)(
              bytes, [&](std::string_view value) { query.SetTag(lookup.tag, value); });
          return !found;
        });
        if (!found) query.SetTag(lookup.tag, "");
        return Flow::kContinue;
      });
}

}  // namespace

ActionPtr MakeLookupAction(KeyValueStorePtr store, LookupKeyPtr key, std::string tag) {
  std::string text = fmt::format(
      "lookup key-value store based on '{}' and set the result in tag '{}'", key->ToString(), tag);
  return Make(std::move(text), &KeyValueStore::Find,
              {std::move(store), std::move(key), std::move(tag)});
}

ActionPtr MakeRangeLookupAction(KeyValueStorePtr store, LookupKeyPtr key, std::string tag) {
  std::string text =
      fmt::format("range-based lookup key-value store based on '{}' and set the result in tag '{}'",
                  key->ToString(), tag);
  return Make(std::move(text), &KeyValueStore::FindRange,
              {std::move(store), std::move(key), std::move(tag)});
}

}  // namespace breakwater
