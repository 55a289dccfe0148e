// DNSName, DNSNameSet and SuffixMatchNode.
#include "lua/bindings.h"
#include "lua/object_args.h"

namespace breakwater::lua {
namespace {

using dns::Name;

// --- DNSName

Name NewName(const NameArg& name) {
  return name.name;
}

TextResult<Name> NewNameFromRaw(const std::string& raw) {
  const auto name = Name::FromWire({reinterpret_cast<const uint8_t*>(raw.data()), raw.size()});
  if (name) return *name;
  return Fail(
      std::string("no name in wire form: labels behind their lengths, an octet 0 at the end"));
}

bool IsPartOf(const Name& name, const NameArg& suffix) {
  return name.IsPartOf(suffix.name);
}

// Not below it: nothing is left, as an unset name.
std::optional<Name> MakeRelative(const Name& name, const NameArg& suffix) {
  const auto relative = name.RelativeTo(suffix.name);
  return relative ? std::optional<Name>(*relative) : std::nullopt;
}

std::string ToWire(const Name& name) {
  return std::string(reinterpret_cast<const char*>(name.wire().data()), name.length());
}

TextResult<void> Append(Name& name, const NameArg& labels) {
  if (!name.Append(labels.name)) return Fail(std::string("the name would be too long"));
  return {};
}

TextResult<void> Prepend(Name& name, const NameArg& labels) {
  Name longer = labels.name;
  if (!longer.Append(name)) return Fail(std::string("the name would be too long"));
  name = longer;
  return {};
}

bool ChopOff(Name& name) {
  return name.ChopOff();
}
size_t CountLabels(const Name& name) {
  return name.CountLabels();
}
std::string ToString(const Name& name) {
  return name.ToString();
}
std::string ToStringNoDot(const Name& name) {
  return name.ToStringNoDot();
}
size_t WireLength(const Name& name) {
  return name.length();
}

constexpr FunctionRow kNameMethods[] = {
    {"append", Bind<&Append>, "DNSName:append(labels)", "Puts labels behind the name.",
     Scope::kAnywhere},
    {"chopOff", Bind<&ChopOff>, "DNSName:chopOff() -> bool",
     "Takes the first label off; false at the root.", Scope::kAnywhere},
    {"countLabels", Bind<&CountLabels>, "DNSName:countLabels() -> int",
     "How many labels it has; 0 for the root.", Scope::kAnywhere},
    {"isPartOf", Bind<&IsPartOf>, "DNSName:isPartOf(name) -> bool",
     "Whether it is that name or below it.", Scope::kAnywhere},
    {"makeRelative", Bind<&MakeRelative>, "DNSName:makeRelative(name) -> DNSName",
     "The labels below that name; nil where it is not below it.", Scope::kAnywhere},
    {"prepend", Bind<&Prepend>, "DNSName:prepend(labels)", "Puts labels in front of the name.",
     Scope::kAnywhere},
    {"toDNSString", Bind<&ToWire>, "DNSName:toDNSString() -> string",
     "The name as it stands in a message.", Scope::kAnywhere},
    {"toString", Bind<&ToString>, "DNSName:toString() -> string",
     "The name as text, with its last dot.", Scope::kAnywhere},
    {"tostring", Bind<&ToString>, "DNSName:tostring() -> string", "The same as toString.",
     Scope::kAnywhere},
    {"toStringNoDot", Bind<&ToStringNoDot>, "DNSName:toStringNoDot() -> string",
     "The name as text, without its last dot.", Scope::kAnywhere},
    {"wirelength", Bind<&WireLength>, "DNSName:wirelength() -> int",
     "Its length in a message, in octets.", Scope::kAnywhere},
};

const Name& NameOf(const void* object) {
  return *static_cast<const Name*>(object);
}

const ClassRow kNameClass = {
    "DNSName",
    kNameMethods,
    {},
    [](const void* object) { return NameOf(object).ToString(); },
    [](const void* a, const void* b) { return NameOf(a) == NameOf(b); },
    [](const void* a, const void* b) { return NameOf(a).FoldedKey() < NameOf(b).FoldedKey(); },
    nullptr,
    "A domain name; compared without regard to case."};

// --- DNSNameSet

std::shared_ptr<NameSet> NewNameSet() {
  return std::make_shared<NameSet>();
}
void AddToSet(NameSet& set, const NameArg& name) {
  set.Add(name.name);
}
bool CheckSet(const NameSet& set, const NameArg& name) {
  return set.Matches(name.name);
}
int DeleteFromSet(NameSet& set, const NameArg& name) {
  return set.Remove(name.name) ? 1 : 0;
}
void ClearSet(NameSet& set) {
  set.Clear();
}
bool SetIsEmpty(const NameSet& set) {
  return set.empty();
}
size_t SetSize(const NameSet& set) {
  return set.size();
}
std::string SetToString(const NameSet& set) {
  return set.ToString();
}

constexpr FunctionRow kSetMethods[] = {
    {"add", Bind<&AddToSet>, "DNSNameSet:add(name)", "Adds a name.", Scope::kAnywhere},
    {"check", Bind<&CheckSet>, "DNSNameSet:check(name) -> bool", "Whether the name is in it.",
     Scope::kAnywhere},
    {"clear", Bind<&ClearSet>, "DNSNameSet:clear()", "Removes all names.", Scope::kAnywhere},
    {"delete", Bind<&DeleteFromSet>, "DNSNameSet:delete(name) -> int",
     "Removes a name; how many were removed.", Scope::kAnywhere},
    {"empty", Bind<&SetIsEmpty>, "DNSNameSet:empty() -> bool", "Whether it holds no name.",
     Scope::kAnywhere},
    {"size", Bind<&SetSize>, "DNSNameSet:size() -> int", "How many names it holds.",
     Scope::kAnywhere},
    {"toString", Bind<&SetToString>, "DNSNameSet:toString() -> string", "Its names, one a line.",
     Scope::kAnywhere},
};

const ClassRow kSetClass = {"DNSNameSet",
                            kSetMethods,
                            {},
                            [](const void* object) { return static_cast<const NameSet*>(object)->ToString(); },
                            nullptr,
                            nullptr,
                            nullptr,
                            "A set of names, for QNameSetRule."};

// --- SuffixMatchNode

std::shared_ptr<SuffixMatchTree> NewTree() {
  return std::make_shared<SuffixMatchTree>();
}

void AddToTree(SuffixMatchTree& tree, const NamesArg& names) {
  for (const Name& name : names.names) tree.Add(name);
}

void RemoveFromTree(SuffixMatchTree& tree, const NamesArg& names) {
  for (const Name& name : names.names) tree.Remove(name);
}

bool CheckTree(const SuffixMatchTree& tree, const NameArg& name) {
  return tree.Matches(name.name);
}

std::optional<Name> BestMatch(const SuffixMatchTree& tree, const NameArg& name) {
  return tree.BestMatch(name.name.wire());
}

constexpr FunctionRow kTreeMethods[] = {
    {"add", Bind<&AddToTree>, "SuffixMatchNode:add(name)",
     "Adds a suffix: a text, a DNSName or a list of these.", Scope::kAnywhere},
    {"check", Bind<&CheckTree>, "SuffixMatchNode:check(name) -> bool",
     "Whether one of the suffixes covers the name.", Scope::kAnywhere},
    {"getBestMatch", Bind<&BestMatch>, "SuffixMatchNode:getBestMatch(name) -> DNSName",
     "The longest suffix that covers the name, or nil.", Scope::kAnywhere},
    {"remove", Bind<&RemoveFromTree>, "SuffixMatchNode:remove(name)", "Removes a suffix.",
     Scope::kAnywhere},
};

const ClassRow kTreeClass = {
    "SuffixMatchNode",
    kTreeMethods,
    {},
    [](const void* object) { return static_cast<const SuffixMatchTree*>(object)->ToString(); },
    nullptr,
    nullptr,
    nullptr,
    "A set of suffixes, for SuffixMatchNodeRule."};

constexpr FunctionRow kFunctions[] = {
    {"newDNSName", Bind<&NewName>, "newDNSName(name) -> DNSName", "Makes a name from text.",
     Scope::kAnywhere},
    {"newDNSNameFromRaw", Bind<&NewNameFromRaw>, "newDNSNameFromRaw(name) -> DNSName",
     "Makes a name from its wire form.", Scope::kAnywhere},
    {"newDNSNameSet", Bind<&NewNameSet>, "newDNSNameSet() -> DNSNameSet",
     "Makes an empty set of names.", Scope::kAnywhere},
    {"newSuffixMatchNode", Bind<&NewTree>, "newSuffixMatchNode() -> SuffixMatchNode",
     "Makes an empty set of suffixes.", Scope::kAnywhere},
};

}  // namespace

const ClassRow& NameClass() {
  return kNameClass;
}
const ClassRow& NameSetClass() {
  return kSetClass;
}
const ClassRow& SuffixMatchNodeClass() {
  return kTreeClass;
}
FunctionPage NameFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
