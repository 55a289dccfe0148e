// Key-value stores and what is looked up in them.
#include "lua/object_args.h"
#include "lua/rule_objects.h"
#include "lua/script_bindings.h"
#include "proxy/base/text.h"
#include "proxy/lookup/cdb_store.h"
#include "proxy/lookup/lmdb_store.h"
#include "proxy/lookup/lookup_key.h"
#include "proxy/lookup/mmdb_store.h"
#include "proxy/rules/actions/lookup_actions.h"
#include "proxy/rules/selectors/lookup_selectors.h"

namespace breakwater::lua {

template <>
struct LuaClass<KeyValueStore> {
  static constexpr const char* kName = "KeyValueStore";
};
template <>
struct LuaClass<LookupKey> {
  static constexpr const char* kName = "KeyValueLookupKey";
};

namespace {

using StorePtr = KeyValueStorePtr;

// For the console's client, which only reads the file for its key and address: a damaged store must
// not keep the operator from the server that uses the old one.
class NoStore final : public KeyValueStore {
 public:
  bool Find(Key, Visitor) const override { return false; }
  std::string ToString() const override { return "a store that is not opened here"; }
};

// The helper thread looks after it from the next publishing on.
template <typename Open>
TextResult<StorePtr> Keep(Call& call, Open open) {
  if (call.runtime().options().client) return std::make_shared<NoStore>();
  TextResult<StorePtr> store = open();
  if (store) {
    auto& stores = call.builder().Edit().settings.stores;
    std::erase_if(stores, [](const auto& known) { return known.expired(); });
    stores.push_back(*store);
  }
  return store;
}

TextResult<StorePtr> NewLmdb(Call& call, const std::string& path, const std::string& database,
                             std::optional<bool> no_lock) {
  // A check must leave no lock file behind.
  const bool no_locks = call.runtime().options().check || no_lock.value_or(false);
  return Keep(call, [&] {
    return OpenLmdbStore({.path = path, .database = database, .no_lock = no_locks});
  });
}
TextResult<StorePtr> NewCdb(Call& call, const std::string& path,
                            std::optional<uint32_t> refresh_s) {
  return Keep(call,
              [&] { return OpenCdbStore({.path = path, .refresh_s = refresh_s.value_or(0)}); });
}
TextResult<StorePtr> NewMmdb(Call& call, const std::string& path, const std::string& value,
                             std::optional<uint32_t> refresh_s) {
  return Keep(call, [&] {
    return OpenMmdbStore({.path = path, .value = value, .refresh_s = refresh_s.value_or(0)});
  });
}

NameForm FormOf(const std::optional<bool>& wire) {
  return wire.value_or(true) ? NameForm::kWire : NameForm::kText;
}

// Looks the keys up that `each` hands out, until one is there.
template <typename Each>
std::string FirstValue(const KeyValueStore& store, Each&& each) {
  std::string value;
  each([&](KeyValueStore::Key key) {
    return !store.Find(key, [&](std::string_view found) { value = found; });
  });
  return value;
}

using KeyArg = std::variant<std::shared_ptr<Address>, std::shared_ptr<dns::Name>, std::string>;

std::string Lookup(const KeyValueStore& store, const KeyArg& key, std::optional<bool> wire) {
  return FirstValue(store, [&](LookupKey::Visitor visit) {
    if (const auto* address = std::get_if<std::shared_ptr<Address>>(&key)) {
      visit((*address)->Raw());
    } else if (const auto* name = std::get_if<std::shared_ptr<dns::Name>>(&key)) {
      VisitNameKey((*name)->wire(), FormOf(wire), visit);
    } else {
      visit(AsBytes(std::get<std::string>(key)));
    }
  });
}
std::string LookupSuffix(const KeyValueStore& store, const NameArg& name,
                         std::optional<size_t> min_labels, std::optional<bool> wire) {
  return FirstValue(store, [&](LookupKey::Visitor visit) {
    VisitSuffixKeys(name.name.wire(), {min_labels.value_or(0), FormOf(wire)}, visit);
  });
}
bool Reload(KeyValueStore& store) {
  return store.Reload();
}

LookupKeyPtr QNameKey(std::optional<bool> wire) {
  return MakeQNameKey(FormOf(wire));
}
LookupKeyPtr SuffixKey(std::optional<size_t> min_labels, std::optional<bool> wire) {
  return MakeSuffixKey(min_labels.value_or(0), FormOf(wire));
}
TextResult<LookupKeyPtr> SourceIpKey(std::optional<uint8_t> v4, std::optional<uint8_t> v6,
                                     std::optional<bool> include_port) {
  if (v4.value_or(0) > 32 || v6.value_or(0) > 128) {
    return Fail(std::string("a mask has at most 32 or 128 bits"));
  }
  return MakeSourceIpKey({.mask_v4 = v4.value_or(32),
                          .mask_v6 = v6.value_or(128),
                          .include_port = include_port.value_or(false)});
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kMethods[] = {
    {"lookup", Bind<&Lookup>, "KeyValueStore:lookup(key [, wireFormat]) -> string",
     "The value of a text, a ComboAddress or a DNSName; empty where there is none.", kAny},
    {"lookupSuffix", Bind<&LookupSuffix>,
     "KeyValueStore:lookupSuffix(key [, minLabels [, wireFormat]]) -> string",
     "The value of a name or of the nearest of its parents.", kAny},
    {"reload", Bind<&Reload>, "KeyValueStore:reload() -> bool",
     "Reads a CDB or MMDB file again if it has changed; LMDB needs none, but a "
     "file that takes the place of the open one is read at the next start."},
};
const ClassRow kStoreClass = {
    "KeyValueStore",
    kMethods,
    {},
    [](const void* object) { return static_cast<const KeyValueStore*>(object)->ToString(); },
    nullptr,
    nullptr,
    nullptr,
    "A store of keys and values in a file."};
const ClassRow kKeyClass = {
    "KeyValueLookupKey",
    {},
    {},
    [](const void* object) { return static_cast<const LookupKey*>(object)->ToString(); },
    nullptr,
    nullptr,
    nullptr,
    "What of a query is looked up in a store."};

constexpr FunctionRow kFunctions[] = {
    {"KeyValueLookupKeyQName", Bind<&QNameKey>,
     "KeyValueLookupKeyQName([wireFormat]) -> KeyValueLookupKey",
     "Looks the name asked for up, in lower case; as text where wireFormat is false."},
    {"KeyValueLookupKeySourceIP", Bind<&SourceIpKey>,
     "KeyValueLookupKeySourceIP([v4mask [, v6mask [, includePort]]]) -> KeyValueLookupKey",
     "Looks the 4 or 16 octets of the client's address up, masked; its port behind them."},
    {"KeyValueLookupKeySuffix", Bind<&SuffixKey>,
     "KeyValueLookupKeySuffix([minLabels [, wireFormat]]) -> KeyValueLookupKey",
     "Looks the name asked for and then its parents up."},
    {"KeyValueLookupKeyTag", Bind<&MakeTagKey>,
     "KeyValueLookupKeyTag(tagName) -> KeyValueLookupKey", "Looks the value of a tag up."},
    {"KeyValueStoreLookupAction", Bind<&MakeLookupAction>,
     "KeyValueStoreLookupAction(kvs, lookupKey, destinationTag) -> DNSAction",
     "Sets a tag to what the store has; to an empty text where it has nothing."},
    {"KeyValueStoreLookupRule", Bind<&MakeLookupSelector>,
     "KeyValueStoreLookupRule(kvs, lookupKey) -> DNSRule", "Matches where the store has the key."},
    {"KeyValueStoreRangeLookupAction", Bind<&MakeRangeLookupAction>,
     "KeyValueStoreRangeLookupAction(kvs, lookupKey, destinationTag) -> DNSAction",
     "The same for ranges: keys are the last of a range, values begin with the first. LMDB only."},
    {"KeyValueStoreRangeLookupRule", Bind<&MakeRangeLookupSelector>,
     "KeyValueStoreRangeLookupRule(kvs, lookupKey) -> DNSRule",
     "Matches where the key lies in a range of the store. LMDB only."},
    {"newCDBKVStore", Bind<&NewCdb>, "newCDBKVStore(filename [, refreshDelay]) -> KeyValueStore",
     "Opens a CDB file; looks every so many seconds whether there is a newer one."},
    {"newLMDBKVStore", Bind<&NewLmdb>,
     "newLMDBKVStore(filename, dbName [, noLock]) -> KeyValueStore",
     "Opens a database of an LMDB file; changes are seen at once. Of a file that became shorter "
     "nothing is read until it is as long as it was; one cut off in the middle of a look-up ends "
     "the program: change it with LMDB's tools, or rename a new file into its place and restart."},
    {"newMMDBKVStore", Bind<&NewMmdb>,
     "newMMDBKVStore(filename, value [, refreshDelay]) -> KeyValueStore",
     "Opens an MMDB (GeoIP) file; addresses are keys, what is found is \"country.iso_code\" or the "
     "like. An extension."},
};

}  // namespace

const ClassRow& StoreClass() {
  return kStoreClass;
}
const ClassRow& LookupKeyClass() {
  return kKeyClass;
}
FunctionPage StoreFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
