// ComboAddress, Netmask and NetmaskGroup.
#include "lua/bindings.h"
#include "lua/object_args.h"
#include "proxy/net/ip_cipher.h"

namespace breakwater::lua {
namespace {

// --- ComboAddress

Address NewAddress(const AddressArg& address) {
  return address.address;
}

Address NewFromRaw(const std::string& raw, std::optional<uint16_t> port) {
  return Address::FromRaw({reinterpret_cast<const uint8_t*>(raw.data()), raw.size()},
                          port.value_or(0));
}

uint16_t GetPort(const Address& address) {
  return address.port();
}
bool IsV4(const Address& address) {
  return address.IsV4();
}
bool IsV6(const Address& address) {
  return address.IsV6();
}
bool IsMapped(const Address& address) {
  return address.IsMappedV4();
}
Address MapToV4(const Address& address) {
  return address.MappedToV4();
}
std::string AddressText(const Address& address) {
  return address.ToString();
}
std::string WithPort(const Address& address) {
  return address.ToStringWithPort();
}
void Truncate(Address& address, uint8_t bits) {
  address = address.Truncated(bits);
}

TextResult<Address> Encrypt(const Address& address, const std::string& octets) {
  const auto key = IpCipherKeyFrom(octets);
  if (!key) return Fail(key.error());
  return EncryptAddress(address, *key);
}
TextResult<Address> Decrypt(const Address& address, const std::string& octets) {
  const auto key = IpCipherKeyFrom(octets);
  if (!key) return Fail(key.error());
  return DecryptAddress(address, *key);
}

std::string GetRaw(const Address& address) {
  const auto raw = address.Raw();
  return std::string(raw.begin(), raw.end());
}

constexpr FunctionRow kAddressMethods[] = {
    {"getPort", Bind<&GetPort>, "ComboAddress:getPort() -> int", "Its port.", Scope::kAnywhere},
    {"getRaw", Bind<&GetRaw>, "ComboAddress:getRaw() -> string",
     "The 4 or 16 octets of the address.", Scope::kAnywhere},
    {"ipdecrypt", Bind<&Decrypt>, "ComboAddress:ipdecrypt(key) -> ComboAddress",
     "The address that ipencrypt() with the same key made this of.", Scope::kAnywhere},
    {"ipencrypt", Bind<&Encrypt>, "ComboAddress:ipencrypt(key) -> ComboAddress",
     "An address in its stead, by a key of makeIPCipherKey(); IPv4 by ipcrypt, IPv6 by AES.",
     Scope::kAnywhere},
    {"isIPv4", Bind<&IsV4>, "ComboAddress:isIPv4() -> bool", "Whether it is an IPv4 address.",
     Scope::kAnywhere},
    {"isIPv6", Bind<&IsV6>, "ComboAddress:isIPv6() -> bool", "Whether it is an IPv6 address.",
     Scope::kAnywhere},
    {"isMappedIPv4", Bind<&IsMapped>, "ComboAddress:isMappedIPv4() -> bool",
     "Whether it is an IPv4 address mapped into IPv6.", Scope::kAnywhere},
    {"mapToIPv4", Bind<&MapToV4>, "ComboAddress:mapToIPv4() -> ComboAddress",
     "The IPv4 address that is mapped into it.", Scope::kAnywhere},
    {"toString", Bind<&AddressText>, "ComboAddress:toString() -> string",
     "The address without its port.", Scope::kAnywhere},
    {"tostring", Bind<&AddressText>, "ComboAddress:tostring() -> string",
     "The address without its port.", Scope::kAnywhere},
    {"toStringWithPort", Bind<&WithPort>, "ComboAddress:toStringWithPort() -> string",
     "The address and its port.", Scope::kAnywhere},
    {"tostringWithPort", Bind<&WithPort>, "ComboAddress:tostringWithPort() -> string",
     "The address and its port.", Scope::kAnywhere},
    {"truncate", Bind<&Truncate>, "ComboAddress:truncate(bits)",
     "Clears all bits behind the first `bits`.", Scope::kAnywhere},
};

const Address& AddressOf(const void* object) {
  return *static_cast<const Address*>(object);
}

bool AddressLess(const void* a, const void* b) {
  const auto x = AddressOf(a).Raw();
  const auto y = AddressOf(b).Raw();
  if (x.size() != y.size()) return x.size() < y.size();
  const int order = std::memcmp(x.data(), y.data(), x.size());
  return order != 0 ? order < 0 : AddressOf(a).port() < AddressOf(b).port();
}

const ClassRow kAddressClass = {
    "ComboAddress",
    kAddressMethods,
    {},
    [](const void* object) { return AddressOf(object).ToString(); },
    [](const void* a, const void* b) { return AddressOf(a) == AddressOf(b); },
    AddressLess,
    nullptr,
    "An IPv4 or IPv6 address and a port."};

// --- Netmask

using NetmaskSource = std::variant<std::shared_ptr<Address>, NetmaskArg>;

TextResult<Netmask> NewNetmask(const NetmaskSource& source, std::optional<uint8_t> bits) {
  const auto* address = std::get_if<std::shared_ptr<Address>>(&source);
  const Netmask netmask = address != nullptr ? Netmask(**address, (*address)->IsV6() ? 128 : 32)
                                             : std::get<NetmaskArg>(source).netmask;
  if (!bits) return netmask;
  if (*bits > netmask.bits()) return Fail(std::string("the prefix is too long"));
  return Netmask(netmask.network(), *bits);
}

unsigned GetBits(const Netmask& netmask) {
  return netmask.bits();
}
Address GetNetwork(const Netmask& netmask) {
  return netmask.network();
}
bool NetmaskEmpty(const Netmask& netmask) {
  return !netmask.IsSet();
}
bool NetmaskIsV4(const Netmask& netmask) {
  return netmask.network().IsV4();
}
bool NetmaskIsV6(const Netmask& netmask) {
  return netmask.network().IsV6();
}
bool NetmaskMatch(const Netmask& netmask, const AddressArg& address) {
  return netmask.Matches(address.address);
}
std::string NetmaskText(const Netmask& netmask) {
  return netmask.ToString();
}

constexpr FunctionRow kNetmaskMethods[] = {
    {"empty", Bind<&NetmaskEmpty>, "Netmask:empty() -> bool", "Whether it was never set.",
     Scope::kAnywhere},
    {"getBits", Bind<&GetBits>, "Netmask:getBits() -> int", "The length of its prefix.",
     Scope::kAnywhere},
    {"getMaskedNetwork", Bind<&GetNetwork>, "Netmask:getMaskedNetwork() -> ComboAddress",
     "The network's address, bits behind the prefix cleared.", Scope::kAnywhere},
    {"getNetwork", Bind<&GetNetwork>, "Netmask:getNetwork() -> ComboAddress",
     "The network's address.", Scope::kAnywhere},
    {"isIPv4", Bind<&NetmaskIsV4>, "Netmask:isIPv4() -> bool", "Whether it is an IPv4 network.",
     Scope::kAnywhere},
    {"isIPv6", Bind<&NetmaskIsV6>, "Netmask:isIPv6() -> bool", "Whether it is an IPv6 network.",
     Scope::kAnywhere},
    {"isIpv4", Bind<&NetmaskIsV4>, "Netmask:isIpv4() -> bool", "An older spelling of isIPv4.",
     Scope::kAnywhere},
    {"isIpv6", Bind<&NetmaskIsV6>, "Netmask:isIpv6() -> bool", "An older spelling of isIPv6.",
     Scope::kAnywhere},
    {"match", Bind<&NetmaskMatch>, "Netmask:match(address) -> bool",
     "Whether the address lies in the network.", Scope::kAnywhere},
    {"toString", Bind<&NetmaskText>, "Netmask:toString() -> string", "The network as text.",
     Scope::kAnywhere},
};

const Netmask& NetmaskOf(const void* object) {
  return *static_cast<const Netmask*>(object);
}

const ClassRow kNetmaskClass = {
    "Netmask",
    kNetmaskMethods,
    {},
    [](const void* object) { return NetmaskOf(object).ToString(); },
    [](const void* a, const void* b) { return NetmaskOf(a) == NetmaskOf(b); },
    nullptr,
    nullptr,
    "A network: an address and the length of its prefix."};

// --- NetmaskGroup

std::shared_ptr<NetmaskGroup> NewGroup() {
  return std::make_shared<NetmaskGroup>();
}
void AddMasks(NetmaskGroup& group, const NetmasksArg& masks) {
  group.AddAll(masks.group);
}
bool GroupMatch(const NetmaskGroup& group, const AddressArg& address) {
  return group.Matches(address.address);
}
void GroupClear(NetmaskGroup& group) {
  group.Clear();
}
size_t GroupSize(const NetmaskGroup& group) {
  return group.size();
}
std::string GroupText(const NetmaskGroup& group) {
  return "NetmaskGroup " + group.ToString();
}

constexpr FunctionRow kGroupMethods[] = {
    {"addMask", Bind<&AddMasks>, "NetmaskGroup:addMask(mask)",
     "Adds a network; \"!\" in front excludes it.", Scope::kAnywhere},
    {"addMasks", Bind<&AddMasks>, "NetmaskGroup:addMasks(masks)", "Adds a list of networks.",
     Scope::kAnywhere},
    {"addNMG", Bind<&AddMasks>, "NetmaskGroup:addNMG(otherNMG)",
     "Adds all networks of another group, exclusions too.", Scope::kAnywhere},
    {"clear", Bind<&GroupClear>, "NetmaskGroup:clear()", "Removes all networks.", Scope::kAnywhere},
    {"match", Bind<&GroupMatch>, "NetmaskGroup:match(address) -> bool",
     "Whether the longest network that covers the address includes it.", Scope::kAnywhere},
    {"size", Bind<&GroupSize>, "NetmaskGroup:size() -> int", "How many networks it holds.",
     Scope::kAnywhere},
    {"toString", Bind<&GroupText>, "NetmaskGroup:toString() -> string",
     "\"NetmaskGroup \" and its networks, with commas between.", Scope::kAnywhere},
};

const ClassRow kGroupClass = {
    "NetmaskGroup",
    kGroupMethods,
    {},
    [](const void* object) { return GroupText(*static_cast<const NetmaskGroup*>(object)); },
    nullptr,
    nullptr,
    nullptr,
    "A group of networks; the longest that matches decides."};

constexpr FunctionRow kFunctions[] = {
    {"newCA", Bind<&NewAddress>, "newCA(address) -> ComboAddress", "Makes an address from text.",
     Scope::kAnywhere},
    {"newCAFromRaw", Bind<&NewFromRaw>, "newCAFromRaw(rawaddress[, port]) -> ComboAddress",
     "Makes an address from its 4 or 16 octets.", Scope::kAnywhere},
    {"newNetmask", Bind<&NewNetmask>, "newNetmask(str) | newNetmask(ca, bits) -> Netmask",
     "Makes a network from text, or from an address and a prefix length.", Scope::kAnywhere},
    {"newNMG", Bind<&NewGroup>, "newNMG() -> NetmaskGroup", "Makes an empty group of networks.",
     Scope::kAnywhere},
};

}  // namespace

const ClassRow& AddressClass() {
  return kAddressClass;
}
const ClassRow& NetmaskClass() {
  return kNetmaskClass;
}
const ClassRow& NetmaskGroupClass() {
  return kGroupClass;
}
FunctionPage AddressFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
