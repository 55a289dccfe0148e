// KeyValueStoreLookupAction and KeyValueStoreRangeLookupAction: what a store knows goes into a tag,
// an empty text where it knows nothing. Rules go on.
#pragma once

#include <string>

#include "proxy/lookup/key_value_store.h"
#include "proxy/lookup/lookup_key.h"
#include "proxy/rules/action.h"

namespace breakwater {

ActionPtr MakeLookupAction(KeyValueStorePtr store, LookupKeyPtr key, std::string tag);
// Of the range that holds the key: the entry's whole value, which begins with the first key.
ActionPtr MakeRangeLookupAction(KeyValueStorePtr store, LookupKeyPtr key, std::string tag);

}  // namespace breakwater
