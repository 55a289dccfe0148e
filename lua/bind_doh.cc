// addDOHLocal and what can be done with listeners for DNS over HTTPS.
#include <fmt/format.h>

#include <algorithm>

#include "lua/http_headers.h"
#include "lua/script_bindings.h"
#include "lua/tls_frontend.h"
#include "lua/tls_options.h"
#include "lua/warn_unless_strict.h"
#include "proxy/base/log.h"
#include "proxy/query/doh_frontend.h"
#include "proxy/rules/actions/http_actions.h"

namespace breakwater::lua {

struct DohFrontendObject {
  std::shared_ptr<Frontend> frontend;
};
template <>
struct LuaClass<DohFrontendObject> {
  static constexpr const char* kName = "DOHFrontend";
};
template <>
struct LuaClass<DohResponse> {
  static constexpr const char* kName = "DOHResponseMapEntry";
};

namespace {

// Not in the output of a client, which is what the server has said.
void Tell(Call& call, std::string_view text) {
  if (!call.runtime().options().client) LogInfo("setup", "addDOHLocal: {}", text);
}

TextResult<void> ReadDohOptions(Call& call, Options& options, DohSettings* doh) {
  std::string library;
  std::string tokens;
  size_t pipe = 0;
  HttpHeadersArg headers;
  options.Read("idleTimeout", &doh->idle_timeout_s);
  if (options.Read("customResponseHeaders", &headers)) {
    doh->response_headers = std::move(headers.headers);
  }
  options.Read("sendCacheControlHeaders", &doh->cache_control);
  options.Read("trustForwardedForHeader", &doh->trust_forwarded_for);
  options.Read("exactPathMatching", &doh->exact_paths);
  options.Read("keepIncomingHeaders", &doh->keep_headers);
  options.Read("earlyACLDrop", &doh->early_acl_drop);
  if (options.Read("library", &library)) {
    if (library != "nghttp2" && library != "h2o") {
      return Fail(fmt::format("option 'library': '{}' is neither nghttp2 nor h2o", library));
    }
    if (library == "h2o") Tell(call, "library 'h2o' was asked for, nghttp2 is used");
  }
  const auto is_server = [](const auto& header) { return header.first == "server"; };
  if (options.Read("serverTokens", &tokens) &&
      std::ranges::none_of(doh->response_headers, is_server)) {
    doh->response_headers.emplace_back("server", std::move(tokens));
  }
  if (options.Read("internalPipeBufferSize", &pipe)) {
    Tell(call, "'internalPipeBufferSize' has no effect: there is no pipe");
  }
  return {};
}

TextResult<void> SetPaths(const std::optional<StringOrList>& urls, DohSettings* doh) {
  if (!urls || urls->items.empty()) return {};
  for (const std::string& path : urls->items) {
    if (!path.starts_with('/')) return Fail(fmt::format("'{}': a path begins with '/'", path));
  }
  doh->paths = urls->items;
  return {};
}

// Without certificates: in the clear, for a reverse proxy in front.
bool IsPlain(const std::optional<CertificatesArg>& certificates) {
  return !certificates || certificates->files.empty() ||
         (certificates->files.size() == 1 && certificates->files[0].certificate.empty());
}

struct DohArguments {
  std::optional<CertificatesArg> certificates;
  std::optional<StringOrList> keys;
};

TextResult<void> Add(Call& call, const std::string& text, DohArguments arguments,
                     std::shared_ptr<Frontend> frontend, Options& options) {
  const bool plain = IsPlain(arguments.certificates);
  const uint16_t port = plain ? 80 : 443;
  TlsOptions tls = ReadTlsOptions(options);
  if (auto good = ReadStreamOptions(options, port, &frontend->settings); !good) return good;
  if (auto good = options.Finish(); !good) return good;
  auto address = Address::Parse(text, port);
  if (!address) return Fail(std::move(address.error()));
  frontend->settings.address = *address;
  if (plain) {
    call.builder().Edit().frontends.push_back(std::move(frontend));
    return {};
  }
  auto files = PairKeys(*arguments.certificates, arguments.keys.value_or(StringOrList{}));
  if (!files) return WarnUnlessStrict(call, files.error() + ": nothing listens on " + text);
  tls.tls.use = TlsUse::kDoh;
  tls.tls.certificates = std::move(*files);
  return AddTlsFrontend(call, std::move(frontend), std::move(tls));
}

TextResult<void> AddDohLocal(Call& call, const std::string& text,
                             const std::optional<CertificatesArg>& certificates,
                             const std::optional<StringOrList>& keys,
                             const std::optional<StringOrList>& urls, Options options) {
  auto frontend = std::make_shared<Frontend>();
  frontend->settings.protocol = Protocol::kDoh;
  frontend->doh = std::make_shared<DohFrontend>();
  DohSettings& doh = frontend->doh->settings;
  if (auto good = ReadDohOptions(call, options, &doh); !good) return good;
  if (auto good = SetPaths(urls, &doh); !good) return good;
  return Add(call, text, {certificates, keys}, std::move(frontend), options);
}

std::shared_ptr<DohFrontendObject> GetFrontend(Call& call, size_t index) {
  const auto frontends = FrontendsOf(call, Protocol::kDoh);
  if (index >= frontends.size()) return nullptr;
  return std::make_shared<DohFrontendObject>(DohFrontendObject{frontends[index]});
}
size_t CountFrontends(Call& call) {
  return FrontendsOf(call, Protocol::kDoh).size();
}

// In dnsdist's columns.
void ShowFrontends(Call& call) {
  std::string text = fmt::format("{:<3} {:<20}", "#", "Address");
  for (const char* head : {"HTTP", "HTTP/1", "HTTP/2", "GET", "POST", "Bad", "Errors", "Redirects",
                           "Valid", "# ticket keys", "Rotation delay", "Next rotation"}) {
    text += fmt::format(" {:<15}", head);
  }
  text += "\n";
  size_t index = 0;
  for (const auto& frontend : FrontendsOf(call, Protocol::kDoh)) {
    const DohCounters& counters = frontend->doh->counters;
    text += fmt::format("{:<3} {:<20}", index++, frontend->settings.address.ToStringWithPort());
    for (const uint64_t value :
         {frontend->tcp_connections.Get() + frontend->tcp_current_connections.Get(),
          counters.http1_queries.Get(), counters.http2_queries.Get(), counters.get_queries.Get(),
          counters.post_queries.Get(), counters.bad_requests.Get(), counters.error_responses.Get(),
          counters.redirect_responses.Get(), counters.valid_responses.Get(),
          uint64_t{TicketKeysOf(*frontend)},
          uint64_t{frontend->tls ? frontend->tls->settings().ticket_rotation_s : 0},
          static_cast<uint64_t>(NextRotationOf(call, *frontend))}) {
      text += fmt::format(" {:<15}", value);
    }
    text += "\n";
  }
  call.Print(text);
}

// A block for each version of HTTP, as dnsdist prints them.
void ShowResponseCodes(Call& call) {
  std::string text;
  for (size_t version = 0; version < 2; ++version) {
    text += fmt::format("\n- HTTP/{}:\n\n{:<3} {:<20}", version + 1, "#", "Address");
    for (const char* head : {"200", "400", "403", "500", "502", "Others"}) {
      text += fmt::format(" {:<15}", head);
    }
    text += "\n";
    size_t index = 0;
    for (const auto& frontend : FrontendsOf(call, Protocol::kDoh)) {
      text += fmt::format("{:<3} {:<20}", index++, frontend->settings.address.ToStringWithPort());
      for (const auto& count : frontend->doh->counters.by_status[version]) {
        text += fmt::format(" {:<15}", count.Get());
      }
      text += "\n";
    }
  }
  call.Print(text);
}

TextResult<std::shared_ptr<DohResponse>> NewMapEntry(Call&, const std::string& pattern,
                                                     uint16_t status, const std::string& content,
                                                     const std::optional<HttpHeadersArg>& headers) {
  auto entry = std::make_shared<DohResponse>();
  re2::RE2::Options how(re2::RE2::Quiet);
  how.set_case_sensitive(false);
  entry->path = std::make_unique<re2::RE2>(pattern, how);
  if (!entry->path->ok()) {
    return Fail(fmt::format("'{}' is no regular expression: {}", pattern, entry->path->error()));
  }
  if (status < 200 || status > 599) return Fail(fmt::format("{} is no status of HTTP", status));
  if (content.size() > kMaxHttpBody) {
    return Fail(fmt::format("a content of {} bytes, at most {}", content.size(), kMaxHttpBody));
  }
  entry->status = status;
  entry->content = content;
  if (headers) entry->headers = headers->headers;
  entry->has_headers = headers.has_value();
  return entry;
}

void SetResponsesMap(DohFrontendObject& object,
                     const std::vector<std::shared_ptr<DohResponse>>& entries) {
  auto map = std::make_shared<const DohResponses>(entries.begin(), entries.end());
  DohFrontend& doh = *object.frontend->doh;
  doh.responses.With([&](auto& held) { held = std::move(map); });
  doh.has_responses.store(!entries.empty());
}

constexpr Scope kAny = Scope::kAnywhere;
using Methods = TlsFrontendMethods<DohFrontendObject>;
constexpr FunctionRow kFrontendMethods[] = {
    {"getAddressAndPort", Bind<&Methods::GetAddress>, "DOHFrontend:getAddressAndPort() -> string",
     "Where it listens.", kAny},
    {"loadNewCertificatesAndKeys", Bind<&Methods::LoadCertificates>,
     "DOHFrontend:loadNewCertificatesAndKeys(certFile(s), keyFile(s))",
     "Uses other certificates from now on."},
    {"loadTicketsKey", Bind<&Methods::LoadKey>, "DOHFrontend:loadTicketsKey(key)",
     "Makes these 80 bytes the active ticket key."},
    {"loadTicketsKeys", Bind<&Methods::LoadKeys>, "DOHFrontend:loadTicketsKeys(ticketsKeysFile)",
     "Reads ticket keys from a file; the last one becomes the active one."},
    {"reloadCertificates", Bind<&Methods::Reload>, "DOHFrontend:reloadCertificates()",
     "Reads certificates and keys from their files again."},
    {"rotateTicketsKey", Bind<&Methods::Rotate>, "DOHFrontend:rotateTicketsKey()",
     "Makes a new ticket key the active one."},
    {"setResponsesMap", Bind<&SetResponsesMap>, "DOHFrontend:setResponsesMap(rules)",
     "Answers these paths with fixed contents; the first entry that matches counts."},
};
const ClassRow kFrontendClass = {
    "DOHFrontend", kFrontendMethods, {},      &Methods::Text,
    nullptr,       nullptr,          nullptr, "A listener for DNS over HTTPS."};

const ClassRow kMapEntryClass = {
    "DOHResponseMapEntry",
    {},
    {},
    [](const void* object) { return static_cast<const DohResponse*>(object)->path->pattern(); },
    nullptr,
    nullptr,
    nullptr,
    "A path of HTTPS with its fixed response."};

constexpr FunctionRow kFunctions[] = {
    {"addDOHLocal", Bind<&AddDohLocal>,
     "addDOHLocal(address, [certFile(s) [, keyFile(s) [, urls [, options]]]])",
     "Listens for DNS over HTTPS on one more address; in the clear without certificates.",
     Scope::kConfigOnly},
    {"getDOHFrontend", Bind<&GetFrontend>, "getDOHFrontend(idx) -> DOHFrontend",
     "A listener for DNS over HTTPS by its number."},
    {"getDOHFrontendCount", Bind<&CountFrontends>, "getDOHFrontendCount() -> int",
     "How many listeners for DNS over HTTPS there are."},
    {"newDOHResponseMapEntry", Bind<&NewMapEntry>,
     "newDOHResponseMapEntry(regex, status, content [, headers]) -> DOHResponseMapEntry",
     "A fixed response for paths that match."},
    {"showDOHFrontends", Bind<&ShowFrontends>, "showDOHFrontends()",
     "Prints the listeners for DNS over HTTPS."},
    {"showDOHResponseCodes", Bind<&ShowResponseCodes>, "showDOHResponseCodes()",
     "Prints how often each status was sent, by listener."},
};

}  // namespace

const ClassRow& DohFrontendClass() {
  return kFrontendClass;
}
const ClassRow& DohResponseClass() {
  return kMapEntryClass;
}
FunctionPage DohFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
