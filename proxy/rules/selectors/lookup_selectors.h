// KeyValueStoreLookupRule and KeyValueStoreRangeLookupRule.
#pragma once

#include "proxy/lookup/key_value_store.h"
#include "proxy/lookup/lookup_key.h"
#include "proxy/rules/selector.h"

namespace breakwater {

// Matches where one of the keys is in the store.
SelectorPtr MakeLookupSelector(KeyValueStorePtr store, LookupKeyPtr key);
// Matches where one of the keys lies in a range of the store.
SelectorPtr MakeRangeLookupSelector(KeyValueStorePtr store, LookupKeyPtr key);

}  // namespace breakwater
