// addDNSCryptBind, making keys and certificates of DNSCrypt, and the certificates of its binds.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "lua/console_text.h"
#include "lua/script_bindings.h"
#include "lua/tls_frontend.h"
#include "lua/tls_options.h"
#include "proxy/dnscrypt/context.h"

namespace breakwater::lua {

using dnscrypt::Certificate;

// What Lua has of a pair: not the key, which would be in memory until the object is collected.
struct PairFacts {
  Certificate certificate;
  std::shared_ptr<const std::atomic<bool>> active;
};

template <>
struct LuaClass<dnscrypt::Context> {
  static constexpr const char* kName = "DNSCryptContext";
};
template <>
struct LuaClass<PairFacts> {
  static constexpr const char* kName = "DNSCryptCertificatePair";
};
template <>
struct LuaClass<Certificate> {
  static constexpr const char* kName = "DNSCryptCert";
};

namespace {

constexpr uint16_t kPort = 443;

// The console client reads the file too, perhaps as a user who sees no keys, and must not make the
// server's anew.
bool IsClient(Call& call) {
  return call.runtime().options().client;
}

// --- listening

TextResult<std::vector<dnscrypt::CertificateFiles>> PairFiles(const StringOrList& certificates,
                                                              const StringOrList& keys) {
  if (certificates.items.empty()) return Fail("at least one certificate is needed");
  if (certificates.items.size() != keys.items.size()) {
    return Fail(fmt::format("there are {} certificates and {} keys: each certificate has one key",
                            certificates.items.size(), keys.items.size()));
  }
  std::vector<dnscrypt::CertificateFiles> files;
  for (size_t i = 0; i < keys.items.size(); ++i) {
    files.push_back({certificates.items[i], keys.items[i]});
  }
  return files;
}

void ReadBindOptions(Options& options, FrontendSettings* settings) {
  options.Read("reusePort", &settings->reuse_port);
  options.Read("tcpFastOpenQueueSize", &settings->tcp_fast_open_queue);
  options.Read("interface", &settings->interface);
  options.Read("cpus", &settings->cpus);
  options.Read("tcpListenQueueSize", &settings->tcp_listen_queue);
  options.Read("maxInFlight", &settings->max_in_flight);
  options.Read("maxConcurrentTCPConnections", &settings->max_connections);
  ReadProxyOption(options, settings);
}

TextResult<dns::Name> ParseProvider(const std::string& provider) {
  auto name = dns::Name::Parse(provider);
  if (name && !name->IsRoot()) return name;
  return Fail(
      fmt::format("'{}' is no name of a provider, as 2.dnscrypt-cert.example.com is", provider));
}

// For the console client, which reads the file as a user who may not see the keys: what the file
// does with the certificates is to work.
void AddStandIns(dnscrypt::Context& context, size_t count) {
  dnscrypt::PublicKey key;
  dnscrypt::ProviderSecret secret;
  dnscrypt::MakeProviderKeys(&key, &secret);
  for (size_t i = 0; i < count; ++i) {
    auto made = dnscrypt::MakeCertificate(secret, {.serial = static_cast<uint32_t>(i + 1)});
    (void)context.Add(std::move(made), dnscrypt::Use::kActive);
  }
}

// The interface has five parameters.
TextResult<void> AddBind(Call& call, const std::string& text, const std::string& provider,
                         const StringOrList& certificates, const StringOrList& keys,
                         Options options) {
  FrontendSettings settings;
  bool tcp = true;
  options.Read("doTCP", &tcp);
  ReadBindOptions(options, &settings);
  if (auto good = options.Finish(); !good) return good;
  auto address = Address::Parse(text, kPort);
  if (!address) return Fail(std::move(address.error()));
  settings.address = *address;
  auto name = ParseProvider(provider);
  if (!name) return Fail(std::move(name.error()));
  const auto files = PairFiles(certificates, keys);
  if (!files) return Fail(files.error());
  auto context = std::make_shared<dnscrypt::Context>(*name, call.runtime().kept_files());
  if (IsClient(call)) {
    AddStandIns(*context, files->size());
  } else {
    for (const auto& pair : *files) {
      if (auto good = context->Load(pair, dnscrypt::Use::kActive); !good) return good;
    }
  }
  const auto add = [&](Protocol protocol) {
    auto frontend = std::make_shared<Frontend>();
    frontend->settings = settings;
    frontend->settings.protocol = protocol;
    frontend->dnscrypt = context;
    call.builder().Edit().frontends.push_back(std::move(frontend));
  };
  add(Protocol::kDnscryptUdp);
  if (tcp) add(Protocol::kDnscryptTcp);
  return {};
}

// One for each line addDNSCryptBind, though it may have a bind for UDP and one for TCP.
std::vector<std::shared_ptr<Frontend>> Binds(Call& call) {
  return FrontendsOf(call, Protocol::kDnscryptUdp);
}
std::shared_ptr<dnscrypt::Context> GetContext(Call& call, size_t index) {
  const auto binds = Binds(call);
  return index < binds.size() ? binds[index]->dnscrypt : nullptr;
}
size_t CountBinds(Call& call) {
  return Binds(call).size();
}
void ShowBinds(Call& call) {
  std::string text = fmt::format("{:<3} {:<20} {:<20}\n", "#", "Address", "Provider Name");
  size_t index = 0;
  for (const auto& bind : Binds(call)) {
    text += fmt::format("{:<3} {:<20} {:<20}\n", index++, bind->settings.address.ToStringWithPort(),
                        bind->dnscrypt->provider().ToStringNoDot());
  }
  call.Print(text);
}

// --- keys and certificates in files

std::string FingerprintLine(std::span<const uint8_t> key) {
  return fmt::format("Provider fingerprint is: {}\n", dnscrypt::Fingerprint(key));
}

TextResult<void> GenerateKeys(Call& call, const std::string& public_key,
                              const std::string& private_key) {
  if (IsClient(call)) return {};
  dnscrypt::KeptFiles* const kept = call.runtime().kept_files().get();
  const auto key = dnscrypt::WriteProviderKeys({public_key, private_key}, kept);
  if (!key) return Fail(key.error());
  if (kept == nullptr) call.Print(FingerprintLine(*key));
  return {};
}

TextResult<void> PrintFingerprint(Call& call, const std::string& path) {
  const dnscrypt::KeptFiles* const kept = call.runtime().kept_files().get();
  const auto key = dnscrypt::ReadProviderKey(path, kept);
  if (!key) return Fail(key.error());
  // Keys that nobody will have are not to be told to clients.
  if (kept == nullptr || kept->Find(path) == nullptr) call.Print(FingerprintLine(*key));
  return {};
}

struct Dates {
  uint32_t from;
  uint32_t until;
};

struct Signer {
  const std::string& key_file;
  const dnscrypt::KeptFiles* kept;
};

TextResult<dnscrypt::CertificateAndKey> Make(const Signer& signer, uint32_t serial,
                                             const Dates& dates, std::optional<int64_t> version) {
  const auto suite = dnscrypt::SuiteOfVersion(version.value_or(1));
  if (!suite) return Fail(suite.error());
  if (dates.until < dates.from) return Fail("the certificate would end before it begins");
  const auto provider = dnscrypt::ReadProviderSecret(signer.key_file, signer.kept);
  if (!provider) return Fail(provider.error());
  return dnscrypt::MakeCertificate(*provider, {serial, dates.from, dates.until, *suite});
}

// The interface has seven parameters.
TextResult<void> GenerateCertificate(Call& call, const std::string& provider_key,
                                     const std::string& certificate, const std::string& key,
                                     uint32_t serial, uint32_t from, uint32_t until,
                                     std::optional<int64_t> version) {
  if (IsClient(call)) return {};
  dnscrypt::KeptFiles* const kept = call.runtime().kept_files().get();
  const auto made = Make({provider_key, kept}, serial, {from, until}, version);
  if (!made) return Fail(made.error());
  return dnscrypt::WriteCertificate(*made, {certificate, key}, kept);
}

// --- the certificates of a bind

std::string GetProvider(const dnscrypt::Context& context) {
  return context.provider().ToStringNoDot();
}

using PairFactsPtr = std::shared_ptr<const PairFacts>;
PairFactsPtr FactsOf(const dnscrypt::CertificatePair& pair) {
  return std::make_shared<const PairFacts>(PairFacts{pair.certificate, pair.active});
}
TextResult<PairFactsPtr> GetPair(const dnscrypt::Context& context, size_t index) {
  const auto set = context.certificates();
  if (index < set->size()) return FactsOf(*(*set)[index]);
  return Fail(
      fmt::format("there is no certificate {}: there are {}, counted from 0", index, set->size()));
}
std::vector<PairFactsPtr> GetPairs(const dnscrypt::Context& context) {
  std::vector<PairFactsPtr> all;
  for (const auto& pair : *context.certificates()) all.push_back(FactsOf(*pair));
  return all;
}
TextResult<Certificate> GetCertificate(const dnscrypt::Context& context, size_t index) {
  const auto pair = GetPair(context, index);
  if (!pair) return Fail(pair.error());
  return (*pair)->certificate;
}

dnscrypt::Use UseOf(std::optional<bool> active) {
  return active.value_or(true) ? dnscrypt::Use::kActive : dnscrypt::Use::kInactive;
}

TextResult<void> LoadNew(dnscrypt::Context& context, const std::string& certificate,
                         const std::string& key, std::optional<bool> active) {
  return context.Load({certificate, key}, UseOf(active));
}

// The key is that of a pair, or its 32 octets.
TextResult<void> AddNew(dnscrypt::Context& context, const std::shared_ptr<Certificate>& certificate,
                        const std::string& key, std::optional<bool> active) {
  dnscrypt::CertificateAndKey made{*certificate, {}};
  if (key.size() != made.secret.bytes.size()) {
    return Fail(fmt::format("a private key has 32 octets, this has {}", key.size()));
  }
  std::copy(key.begin(), key.end(), made.secret.bytes.begin());
  if (!std::ranges::equal(PublicKeyOf(made.secret), certificate->resolver_key())) {
    return Fail("the private key is not that of the certificate");
  }
  return context.Add(std::move(made), UseOf(active));
}

// The interface has five parameters. The reason of a failure is logged: the result only says that
// there was one.
bool GenerateInMemory(Call& call, dnscrypt::Context& context, const std::string& key_file,
                      uint32_t serial, uint32_t from, uint32_t until,
                      std::optional<int64_t> version) {
  auto made = Make({key_file, call.runtime().kept_files().get()}, serial, {from, until}, version);
  auto added = made ? context.Add(std::move(*made), dnscrypt::Use::kActive)
                    : TextResult<void>(Fail(std::move(made.error())));
  if (!added) call.Warn(added.error());
  return added.has_value();
}

TextResult<void> MarkActive(dnscrypt::Context& context, uint32_t serial) {
  return context.Mark(serial, dnscrypt::Use::kActive);
}
TextResult<void> MarkInactive(dnscrypt::Context& context, uint32_t serial) {
  return context.Mark(serial, dnscrypt::Use::kInactive);
}
TextResult<void> RemoveInactive(dnscrypt::Context& context, uint32_t serial) {
  return context.RemoveInactive(serial);
}
TextResult<void> Reload(dnscrypt::Context& context) {
  return context.Reload();
}

void PrintCertificates(Call& call, const dnscrypt::Context& context) {
  std::string text = fmt::format("{:<3} {:>8} {:>8}   {:<20} {:<20} {}\n", "#", "Serial", "Version",
                                 "From", "To", "Active");
  size_t index = 0;
  for (const auto& pair : *context.certificates()) {
    const Certificate& certificate = pair->certificate;
    text +=
        fmt::format("{:<3} {:>8} {:>8}   {:<20} {:<20} {}\n", index++, certificate.serial(),
                    static_cast<int>(certificate.suite()), LocalTimeText(certificate.valid_from()),
                    LocalTimeText(certificate.valid_until()), *pair->active ? "yes" : "no");
  }
  call.Print(text);
}

// --- a certificate

std::string Text(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}
template <std::span<const uint8_t> (Certificate::*Part)() const>
std::string Octets(const Certificate& certificate) {
  return Text((certificate.*Part)());
}
template <uint32_t (Certificate::*Number)() const>
uint32_t NumberOf(const Certificate& certificate) {
  return (certificate.*Number)();
}

Certificate CertificateOf(const PairFacts& pair) {
  return pair.certificate;
}
bool IsActive(const PairFacts& pair) {
  return pair.active->load();
}

constexpr Scope kAny = Scope::kAnywhere;
constexpr FunctionRow kCertificateMethods[] = {
    {"getClientMagic", Bind<&Octets<&Certificate::client_magic>>,
     "DNSCryptCert:getClientMagic() -> string", "What queries sealed for it begin with, 8 octets.",
     kAny},
    {"getEsVersion", Bind<&Octets<&Certificate::es_version>>,
     "DNSCryptCert:getEsVersion() -> string",
     "The encryption, 2 octets: \"\\0\\1\" for XSalsa20, \"\\0\\2\" for XChaCha20.", kAny},
    {"getMagic", Bind<&Octets<&Certificate::magic>>, "DNSCryptCert:getMagic() -> string",
     "What a certificate begins with, \"DNSC\".", kAny},
    {"getProtocolMinorVersion", Bind<&Octets<&Certificate::minor_version>>,
     "DNSCryptCert:getProtocolMinorVersion() -> string", "2 octets, both zero.", kAny},
    {"getResolverPublicKey", Bind<&Octets<&Certificate::resolver_key>>,
     "DNSCryptCert:getResolverPublicKey() -> string", "For which queries are sealed, 32 octets.",
     kAny},
    {"getSerial", Bind<&NumberOf<&Certificate::serial>>, "DNSCryptCert:getSerial() -> int",
     "Its number; clients take the highest one.", kAny},
    {"getSignature", Bind<&Octets<&Certificate::signature>>,
     "DNSCryptCert:getSignature() -> string", "The provider's signature, 64 octets.", kAny},
    {"getTSEnd", Bind<&NumberOf<&Certificate::valid_until>>, "DNSCryptCert:getTSEnd() -> int",
     "When it ends, in seconds since 1970.", kAny},
    {"getTSStart", Bind<&NumberOf<&Certificate::valid_from>>, "DNSCryptCert:getTSStart() -> int",
     "When it begins to be valid, in seconds since 1970.", kAny},
};
const ClassRow kCertificateClass = {"DNSCryptCert",
                                    kCertificateMethods,
                                    {},
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    "A certificate of a DNSCrypt listener."};

constexpr FunctionRow kPairMethods[] = {
    {"getCertificate", Bind<&CertificateOf>,
     "DNSCryptCertificatePair:getCertificate() -> DNSCryptCert", "The certificate without its key.",
     kAny},
    {"isActive", Bind<&IsActive>, "DNSCryptCertificatePair:isActive() -> bool",
     "Whether clients are told of it.", kAny},
};
const ClassRow kPairClass = {"DNSCryptCertificatePair",
                             kPairMethods,
                             {},
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr,
                             "A certificate of a DNSCrypt listener, with its key."};

constexpr FunctionRow kContextMethods[] = {
    {"addNewCertificate", Bind<&AddNew>, "DNSCryptContext:addNewCertificate(cert, key[, active])",
     "Adds a certificate (a DNSCryptCert) with its private key (32 octets)."},
    {"generateAndLoadInMemoryCertificate", Bind<&GenerateInMemory>,
     "DNSCryptContext:generateAndLoadInMemoryCertificate(keyfile, serial, begin, end [, version]) "
     "-> bool",
     "Makes a certificate, signed by the provider's private key in that file, and uses it at once. "
     "False, and a line in the log, where that fails."},
    {"getCertificate", Bind<&GetCertificate>,
     "DNSCryptContext:getCertificate(index) -> DNSCryptCert", "A certificate by its place."},
    {"getCertificatePair", Bind<&GetPair>,
     "DNSCryptContext:getCertificatePair(index) -> DNSCryptCertificatePair",
     "A certificate by its place, and whether it is active."},
    {"getCertificatePairs", Bind<&GetPairs>,
     "DNSCryptContext:getCertificatePairs() -> table of DNSCryptCertificatePair",
     "All certificates, and whether they are active."},
    {"getProviderName", Bind<&GetProvider>, "DNSCryptContext:getProviderName() -> string",
     "The name under which clients ask for the certificates."},
    {"loadNewCertificate", Bind<&LoadNew>,
     "DNSCryptContext:loadNewCertificate(certificate, keyfile[, active])",
     "Reads one more certificate, beside those that are there."},
    {"markActive", Bind<&MarkActive>, "DNSCryptContext:markActive(serial)",
     "Tells clients of the certificate from now on."},
    {"markInactive", Bind<&MarkInactive>, "DNSCryptContext:markInactive(serial)",
     "Tells clients of the certificate no longer; what they seal for it is still answered."},
    {"printCertificates", Bind<&PrintCertificates>, "DNSCryptContext:printCertificates()",
     "Prints all certificates."},
    {"reloadCertificates", Bind<&Reload>, "DNSCryptContext:reloadCertificates()",
     "Reads certificates and keys from their files again; where one is bad, all stay as they are."},
    {"removeInactiveCertificate", Bind<&RemoveInactive>,
     "DNSCryptContext:removeInactiveCertificate(serial)",
     "Forgets a certificate that is inactive: what is sealed for it is dropped from now on."},
};
const ClassRow kContextClass = {
    "DNSCryptContext", kContextMethods, {},      nullptr,
    nullptr,           nullptr,         nullptr, "The certificates of a DNSCrypt listener."};

constexpr FunctionRow kFunctions[] = {
    {"addDNSCryptBind", Bind<&AddBind>,
     "addDNSCryptBind(address, provider, certFile(s), keyFile(s) [, options])",
     "Listens for DNSCrypt over UDP and TCP on one more address, on port 443 unless it names one.",
     Scope::kConfigOnly},
    {"generateDNSCryptCertificate", Bind<&GenerateCertificate>,
     "generateDNSCryptCertificate(privatekey, certificate, keyfile, serial, validFrom, validUntil"
     "[, version])",
     "Makes a key and a certificate for it, signed by the provider's private key in the first "
     "file, and writes both to files; in a check it writes nothing."},
    {"generateDNSCryptProviderKeys", Bind<&GenerateKeys>,
     "generateDNSCryptProviderKeys(publicKey, privateKey)",
     "Makes a provider's keys, writes them to files and prints the fingerprint; in a check it "
     "writes nothing."},
    {"getDNSCryptBind", Bind<&GetContext>, "getDNSCryptBind(n) -> DNSCryptContext",
     "The certificates of a DNSCrypt listener by its number."},
    {"getDNSCryptBindCount", Bind<&CountBinds>, "getDNSCryptBindCount() -> int",
     "How many DNSCrypt listeners there are."},
    {"printDNSCryptProviderFingerprint", Bind<&PrintFingerprint>,
     "printDNSCryptProviderFingerprint(keyfile)",
     "Prints the fingerprint of the provider's public key in a file."},
    {"showDNSCryptBinds", Bind<&ShowBinds>, "showDNSCryptBinds()",
     "Prints the DNSCrypt listeners."},
};

}  // namespace

const ClassRow& DnscryptClass() {
  return kContextClass;
}
const ClassRow& DnscryptPairClass() {
  return kPairClass;
}
const ClassRow& DnscryptCertClass() {
  return kCertificateClass;
}
FunctionPage DnscryptFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
