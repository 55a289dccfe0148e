#include "proxy/cache/cache_dump.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "proxy/base/unique_fd.h"
#include "proxy/dns/record_walker.h"

namespace breakwater {
namespace {

// Calls `use` for a copy of each entry for which `wanted` says true.
template <typename Wanted, typename Use>
void ForEachCopy(const CacheStore& store, Wanted&& wanted, Use&& use) {
  std::vector<CacheEntryPtr> copies;
  ScanPosition position;
  size_t removed = 0;
  for (bool more = true; more;) {
    copies.clear();
    more = store.ScanStep(position, removed, [&](const CacheEntry& entry) {
      if (!wanted(entry)) return false;
      if (CacheEntryPtr copy = CloneCacheEntry(entry)) copies.push_back(std::move(copy));
      return false;
    });
    for (const CacheEntryPtr& copy : copies) use(*copy);
  }
}

std::string ClientSubnetText(const CacheEntry& entry) {
  ByteReader reader(KeyOptions(entry.tail(), entry.key_bits));
  while (reader.remaining() >= 4) {
    const uint16_t code = reader.U16();
    const auto content = reader.Bytes(reader.U16());
    if (code != static_cast<uint16_t>(dns::OptionCode::kClientSubnet)) continue;
    // RFC 7871, 6: family, source prefix, scope, address cut to whole octets.
    ByteReader option(content);
    const uint16_t family = option.U16();
    const uint8_t bits = option.U8();
    option.Skip(1);
    std::array<uint8_t, 16> address{};
    const auto octets = option.Bytes(option.remaining());
    if (!option.ok() || octets.size() > address.size() || (family != 1 && family != 2)) break;
    std::copy(octets.begin(), octets.end(), address.begin());
    const size_t length = family == 1 ? 4 : 16;
    return fmt::format("{}/{}", Address::FromRaw({address.data(), length}).ToString(), bits);
  }
  return "none";
}

uint16_t QueryFlags(uint16_t key_bits) {
  unsigned flags = 0;
  if ((key_bits & kKeyRd) != 0) flags |= dns::kFlagRd;
  if ((key_bits & kKeyAd) != 0) flags |= dns::kFlagAd;
  if ((key_bits & kKeyCd) != 0) flags |= dns::kFlagCd;
  return static_cast<uint16_t>(flags);
}

std::string Base64(std::span<const uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::string DumpLine(const CacheEntry& entry, const DumpOptions& options, int64_t wall_now) {
  const auto name = dns::Name::FromWire(entry.name());
  const uint32_t age_s = entry.AgeMs(ToSerial(options.now)) / 1000;
  std::string line = fmt::format(
      "{} {} {} {} ; ecs {}, rcode {}, key {}, length {}, received over UDP {}, added {}, "
      "dnssecOK {}, raw query flags {}",
      name ? name->ToString() : std::string("?"),
      static_cast<int64_t>(entry.ttl_s) - static_cast<int64_t>(age_s), dns::ClassName(entry.cls()),
      dns::TypeName(entry.type()), ClientSubnetText(entry), static_cast<int>(entry.rcode()),
      entry.hash, entry.length, entry.over_udp ? 1 : 0, wall_now - age_s,
      (entry.key_bits & kKeyDo) != 0 ? 1 : 0, QueryFlags(entry.key_bits));
  if (options.raw) line += ", base64response " + Base64(entry.message());
  return line + "\n";
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// Calls `use` for each A or AAAA record of class IN in the answer section.
template <typename Use>
void ForEachAddress(const CacheEntry& entry, Use&& use) {
  dns::RecordWalker walker(entry.message(), dns::kHeaderSize + entry.name_length + 4u);
  while (walker.Next() && walker.record().section == dns::Section::kAnswer) {
    const dns::Record& record = walker.record();
    const bool a = record.type == dns::Type::kA && record.rdata_length == 4;
    const bool aaaa = record.type == dns::Type::kAaaa && record.rdata_length == 16;
    if ((!a && !aaaa) || record.cls != dns::Class::kIn) continue;
    use(Address::FromRaw(entry.message().subspan(record.rdata_offset, record.rdata_length)));
  }
}

bool IsPositiveIn(const CacheEntry& entry) {
  return entry.rcode() == dns::RCode::kNoError && entry.cls() == dns::Class::kIn;
}

// By the last label first, as zones are sorted (RFC 4034, 6.1) but for the labels' lengths.
bool NameLess(const dns::Name& a, const dns::Name& b) {
  const std::string left = a.FoldedKey();
  const std::string right = b.FoldedKey();
  return std::lexicographical_compare(left.rbegin(), left.rend(), right.rbegin(), right.rend());
}

bool AddressLess(const Address& a, const Address& b) {
  if (a.family() != b.family()) return a.IsV4();
  return std::ranges::lexicographical_compare(a.Raw(), b.Raw());
}

}  // namespace

TextResult<size_t> DumpCache(const CacheStore& store, const std::string& path,
                             const DumpOptions& options) {
  const auto error = [&](const char* what) {
    return Fail(
        fmt::format("cannot {} '{}': {}", what, path, std::generic_category().message(errno)));
  };
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
  if (fd < 0) return error("create");
  const std::unique_ptr<std::FILE, CloseFile> file(::fdopen(fd, "w"));
  if (!file) {
    const UniqueFd closed(fd);
    return error("open");
  }
  const int64_t wall_now = WallNow().seconds;
  size_t count = 0;
  bool failed = std::fputs("; packet cache dump follows\n;\n", file.get()) < 0;
  ForEachCopy(
      store, [](const CacheEntry&) { return true; },
      [&](const CacheEntry& entry) {
        failed |= std::fputs(DumpLine(entry, options, wall_now).c_str(), file.get()) < 0;
        ++count;
      });
  failed |= std::fflush(file.get()) != 0;
  if (failed) return error("write");
  return count;
}

std::vector<dns::Name> FindDomainsByAddress(const CacheStore& store, const Address& address) {
  std::vector<dns::Name> names;
  ForEachCopy(store, IsPositiveIn, [&](const CacheEntry& entry) {
    bool found = false;
    ForEachAddress(entry, [&](const Address& own) { found |= own.SameHost(address); });
    if (!found) return;
    if (const auto name = dns::Name::FromWire(entry.name())) names.push_back(*name);
  });
  std::sort(names.begin(), names.end(), NameLess);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<Address> FindAddressesByDomain(const CacheStore& store, const dns::Name& name) {
  std::vector<Address> addresses;
  ForEachCopy(
      store,
      [&](const CacheEntry& entry) {
        return IsPositiveIn(entry) && dns::EqualFold(entry.name(), name.wire());
      },
      [&](const CacheEntry& entry) {
        ForEachAddress(entry, [&](const Address& own) { addresses.push_back(own); });
      });
  std::sort(addresses.begin(), addresses.end(), AddressLess);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace breakwater
