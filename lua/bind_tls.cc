// addTLSLocal and what can be done with TLS listeners: certificates, ticket keys, counters.
#include <fmt/format.h>

#include <iterator>

#include "lua/console_text.h"
#include "lua/script_bindings.h"
#include "lua/tls_frontend.h"
#include "lua/tls_options.h"
#include "lua/warn_unless_strict.h"
#include "proxy/config/certificate_reload.h"
#include "proxy/net/ocsp_response.h"

namespace breakwater::lua {
namespace {

TextResult<void> AddTlsLocal(Call& call, const std::string& text,
                             const CertificatesArg& certificates,
                             const std::optional<StringOrList>& keys, Options options) {
  auto frontend = std::make_shared<Frontend>();
  FrontendSettings& settings = frontend->settings;
  settings.protocol = Protocol::kDot;
  TlsOptions tls = ReadTlsOptions(options);
  options.Read("maxInFlight", &settings.max_in_flight);
  if (auto good = ReadStreamOptions(options, 853, &settings); !good) return good;
  if (auto good = options.Finish(); !good) return good;
  auto files = PairKeys(certificates, keys.value_or(StringOrList{}));
  if (!files) return WarnUnlessStrict(call, files.error() + ": nothing listens on " + text);
  tls.tls.certificates = std::move(*files);
  auto address = Address::Parse(text, 853);
  if (!address) return Fail(std::move(address.error()));
  settings.address = *address;
  return AddTlsFrontend(call, std::move(frontend), std::move(tls));
}

TextResult<std::shared_ptr<TlsCertificateFiles>> NewCertificate(Call&, const std::string& path,
                                                                Options options) {
  auto files = std::make_shared<TlsCertificateFiles>();
  files->certificate = path;
  options.Read("key", &files->key);
  options.Read("password", &files->password);
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  return files;
}

// --- all of them

// Errors are told one by one; the other binds go on.
void ReloadAll(Call& call) {
  for (const auto& failure : ReloadCertificates(call.builder().config()).failures) {
    call.Print(fmt::format("{}: {}\n", failure.frontend, failure.error));
  }
}

std::span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TextResult<void> LoadKeyEverywhere(Call& call, const std::string& key) {
  for (const auto& frontend : call.builder().config().frontends) {
    if (frontend->tls == nullptr) continue;
    auto loaded = frontend->tls->tickets().Load(BytesOf(key), call.runtime().clock().Now());
    if (!loaded) return loaded;
  }
  return {};
}

// The interface has six parameters.
TextResult<void> GenerateOcsp(const std::string& certificate, const std::string& ca_certificate,
                              const std::string& ca_key, const std::string& output, uint32_t days,
                              std::optional<uint32_t> minutes) {
  return WriteOcspResponse({.certificate = certificate,
                            .ca_certificate = ca_certificate,
                            .ca_key = ca_key,
                            .output = output,
                            .valid_days = days,
                            .valid_minutes = minutes.value_or(0)});
}

void SetKeyHook(Call& call, LuaFunction hook) {
  call.runtime().callbacks().ticket_key = {std::move(hook)};
}

// In dnsdist's columns, as what is below.
void ShowErrors(Call& call) {
  constexpr const char* kHeads[kTlsFailures - 1] = {
      "DH key too small",    "Inappropriate fallback", "No shared cipher",
      "Unknown cipher type", "Unknown exchange type",  "Unknown protocol",
      "Unsupported EC",      "Unsupported protocol"};
  std::string text = fmt::format("{:<3} {:<20}", "#", "Address");
  for (const char* head : kHeads) text += fmt::format(" {:<23}", head);
  text += "\n";
  size_t index = 0;
  for (const auto& frontend : call.builder().config().frontends) {
    if (frontend->tls == nullptr) continue;
    text += fmt::format("{:<3} {:<20}", index++, frontend->settings.address.ToStringWithPort());
    for (size_t i = 0; i < std::size(kHeads); ++i) {
      text += fmt::format(" {:<23}", frontend->tls->counters().failures[i].Get());
    }
    text += "\n";
  }
  call.Print(text);
}

// In dnsdist's columns; ours come last.
void ShowFrontends(Call& call) {
  constexpr const char* kRow = "{:<3} {:<20} {:<14} {:<14} {:<20} {:<14} {:<14} {:<14}\n";
  std::string text =
      fmt::format(fmt::runtime(kRow), "#", "Address", "# ticket keys", "Rotation delay",
                  "Next rotation", "Sessions", "Resumed", "Queries");
  size_t index = 0;
  for (const auto& frontend : FrontendsOf(call, Protocol::kDot)) {
    const TlsCounters& counters = frontend->tls->counters();
    const int64_t next = NextRotationOf(call, *frontend);
    text += fmt::format(fmt::runtime(kRow), index++, frontend->settings.address.ToStringWithPort(),
                        TicketKeysOf(*frontend), frontend->tls->settings().ticket_rotation_s,
                        next == 0 ? "-" : LocalTimeText(next), counters.new_sessions.Get(),
                        counters.resumed_sessions.Get(), frontend->queries.Get());
  }
  call.Print(text);
}

// --- one of them

std::shared_ptr<TlsFrontend> GetFrontend(Call& call, size_t index) {
  const auto frontends = FrontendsOf(call, Protocol::kDot);
  if (index >= frontends.size()) return nullptr;
  return std::make_shared<TlsFrontend>(TlsFrontend{frontends[index]});
}
std::shared_ptr<TlsContext> GetContext(Call& call, size_t index) {
  const auto frontends = FrontendsOf(call, Protocol::kDot);
  if (index >= frontends.size()) return nullptr;
  return std::make_shared<TlsContext>(TlsContext{frontends[index]->tls});
}
size_t CountFrontends(Call& call) {
  return FrontendsOf(call, Protocol::kDot).size();
}

TextResult<void> ContextLoadKeys(Call& call, TlsContext& context, const std::string& path) {
  return context.tls->tickets().LoadFile(path, call.runtime().clock().Now());
}
void ContextRotate(Call& call, TlsContext& context) {
  context.tls->tickets().Rotate(call.runtime().clock().Now());
}

constexpr Scope kAny = Scope::kAnywhere;
using Methods = TlsFrontendMethods<TlsFrontend>;
constexpr FunctionRow kFrontendMethods[] = {
    {"getAddressAndPort", Bind<&Methods::GetAddress>, "TLSFrontend:getAddressAndPort() -> string",
     "Where it listens.", kAny},
    {"loadNewCertificatesAndKeys", Bind<&Methods::LoadCertificates>,
     "TLSFrontend:loadNewCertificatesAndKeys(certFile(s), keyFile(s))",
     "Uses other certificates from now on."},
    {"loadTicketsKey", Bind<&Methods::LoadKey>, "TLSFrontend:loadTicketsKey(key)",
     "Makes these 80 bytes the active ticket key."},
    {"loadTicketsKeys", Bind<&Methods::LoadKeys>, "TLSFrontend:loadTicketsKeys(ticketsKeysFile)",
     "Reads ticket keys from a file; the last one becomes the active one."},
    {"reloadCertificates", Bind<&Methods::Reload>, "TLSFrontend:reloadCertificates()",
     "Reads certificates and keys from their files again."},
    {"rotateTicketsKey", Bind<&Methods::Rotate>, "TLSFrontend:rotateTicketsKey()",
     "Makes a new ticket key the active one."},
};
const ClassRow kFrontendClass = {
    "TLSFrontend", kFrontendMethods, {},      &Methods::Text,
    nullptr,       nullptr,          nullptr, "A listener for DNS over TLS."};

constexpr FunctionRow kContextMethods[] = {
    {"loadTicketsKeys", Bind<&ContextLoadKeys>, "TLSContext:loadTicketsKeys(ticketsKeysFile)",
     "Reads ticket keys from a file; the last one becomes the active one."},
    {"rotateTicketsKey", Bind<&ContextRotate>, "TLSContext:rotateTicketsKey()",
     "Makes a new ticket key the active one."},
};
const ClassRow kContextClass = {
    "TLSContext", kContextMethods, {},      nullptr,
    nullptr,      nullptr,         nullptr, "The ticket keys of a listener for DNS over TLS."};

const ClassRow kCertificateClass = {
    "TLSCertificate",
    {},
    {},
    [](const void* object) { return static_cast<const TlsCertificateFiles*>(object)->certificate; },
    nullptr,
    nullptr,
    nullptr,
    "A certificate with its key."};

constexpr FunctionRow kFunctions[] = {
    {"addTLSLocal", Bind<&AddTlsLocal>, "addTLSLocal(address, certFile(s), keyFile(s) [, options])",
     "Listens for DNS over TLS on one more address, on port 853 unless it names one.",
     Scope::kConfigOnly},
    {"generateOCSPResponse", Bind<&GenerateOcsp>,
     "generateOCSPResponse(pathToServerCertificate, pathToCACertificate, pathToCAPrivateKey, "
     "outputFile, numberOfDaysOfValidity, numberOfMinutesOfValidity)",
     "Writes an OCSP response that says the certificate is good, signed by its CA."},
    {"getTLSContext", Bind<&GetContext>, "getTLSContext(index) -> TLSContext",
     "The ticket keys of a listener for DNS over TLS."},
    {"getTLSFrontend", Bind<&GetFrontend>, "getTLSFrontend(index) -> TLSFrontend",
     "A listener for DNS over TLS by its number."},
    {"getTLSFrontendCount", Bind<&CountFrontends>, "getTLSFrontendCount() -> int",
     "How many listeners for DNS over TLS there are."},
    {"loadTicketsKey", Bind<&LoadKeyEverywhere>, "loadTicketsKey(key)",
     "Makes these 80 bytes the active ticket key of all listeners."},
    {"newTLSCertificate", Bind<&NewCertificate>,
     "newTLSCertificate(pathToCert [, options]) -> TLSCertificate",
     "A certificate with the key from another file, or both from a PKCS #12 file."},
    {"reloadAllCertificates", Bind<&ReloadAll>, "reloadAllCertificates()",
     "Reads the certificates and keys of all listeners from their files again."},
    {"setTicketsKeyAddedHook", Bind<&SetKeyHook>, "setTicketsKeyAddedHook(callback)",
     "Calls a function with each ticket key that comes to be used, and its length.",
     Scope::kConfigOnly},
    {"showTLSContexts", Bind<&ShowFrontends>, "showTLSContexts()",
     "Prints the listeners for DNS over TLS."},
    {"showTLSErrorCounters", Bind<&ShowErrors>, "showTLSErrorCounters()",
     "Prints why handshakes failed, by listener."},
    {"showTLSFrontends", Bind<&ShowFrontends>, "showTLSFrontends()",
     "Prints the listeners for DNS over TLS."},
};

}  // namespace

int64_t NextRotationOf(Call& call, const Frontend& frontend) {
  if (frontend.tls == nullptr) return 0;
  const auto next = frontend.tls->tickets().next_rotation();
  const Clock& clock = call.runtime().clock();
  return next ? clock.WallSeconds() + (*next - clock.Now()).seconds() : 0;
}

size_t TicketKeysOf(const Frontend& frontend) {
  if (frontend.tls == nullptr) return 0;
  const TlsServerSettings& settings = frontend.tls->settings();
  const bool used = settings.session_tickets && settings.ticket_keys > 0;
  return used ? frontend.tls->tickets().size() : 0;
}

std::vector<std::shared_ptr<Frontend>> FrontendsOf(Call& call, Protocol protocol) {
  std::vector<std::shared_ptr<Frontend>> chosen;
  for (const auto& frontend : call.builder().config().frontends) {
    if (frontend->settings.protocol == protocol) chosen.push_back(frontend);
  }
  return chosen;
}

const ClassRow& TlsFrontendClass() {
  return kFrontendClass;
}
const ClassRow& TlsContextClass() {
  return kContextClass;
}
const ClassRow& TlsCertificateClass() {
  return kCertificateClass;
}
FunctionPage TlsFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
