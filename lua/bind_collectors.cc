// Collectors, and the messages that alter functions of RemoteLogAction and DnstapLogAction change.
#include <fmt/format.h>

#include "lua/collector_objects.h"
#include "lua/object_args.h"
#include "lua/options.h"
#include "lua/script_bindings.h"

namespace breakwater::lua {
namespace {

CollectorPtr Keep(Call& call, CollectorSettings settings) {
  auto collector = std::make_shared<Collector>(std::move(settings));
  auto& list = call.builder().Edit().settings.collectors;
  std::erase_if(list, [](const auto& known) { return known.expired(); });
  list.push_back(collector);
  return collector;
}

TextResult<Address> ServerOf(const std::string& text) {
  const auto address = Address::Parse(text);
  if (!address) return Fail(address.error());
  if (address->port() == 0) {
    return Fail(fmt::format("'{}' has no port: write \"192.0.2.1:4242\"", text));
  }
  return *address;
}

TextResult<void> SetConnections(uint32_t count, CollectorSettings* settings) {
  constexpr uint32_t kMost = 64;
  if (count == 0 || count > kMost) {
    return Fail(fmt::format("connectionCount is {}, but must be 1 to {}", count, kMost));
  }
  settings->connections = count;
  return {};
}

TextResult<CollectorPtr> NewRemoteLogger(Call& call, const std::string& server,
                                         std::optional<uint16_t> timeout_s,
                                         std::optional<uint32_t> queue_entries) {
  constexpr MonoTime kLeast = MonoTime::FromMs(100);
  CollectorSettings settings;
  const auto address = ServerOf(server);
  if (!address) return Fail(address.error());
  const auto wait_s = Reader<std::optional<uint16_t>>::Read(call, 4);
  if (!wait_s) return Fail(wait_s.error());
  const auto connections = Reader<std::optional<uint32_t>>::Read(call, 5);
  if (!connections) return Fail(connections.error());
  if (auto good = SetConnections(connections->value_or(1), &settings); !good) {
    return Fail(std::move(good.error()));
  }
  settings.server = *address;
  settings.queue_entries = queue_entries.value_or(100);
  settings.patience = std::max(MonoTime::FromSeconds(timeout_s.value_or(2)), kLeast);
  settings.reconnect = std::max(MonoTime::FromSeconds(wait_s->value_or(1)), kLeast);
  return Keep(call, std::move(settings));
}

// Ranges and defaults are those of libfstrm; 0 is its default.
struct StreamOption {
  const char* name;
  uint32_t least, most, standard;
};
constexpr StreamOption kStreamOptions[] = {
    {"bufferHint", 1024, 65536, 8192},      {"flushTimeout", 1, 600, 1},
    {"inputQueueSize", 2, 16384, 512},      {"outputQueueSize", 2, 1024, 64},
    {"queueNotifyThreshold", 1, 16384, 32}, {"reopenInterval", 1, 600, 5},
};

TextResult<CollectorPtr> NewStream(Call& call, CollectorSettings settings, Options& options) {
  uint32_t values[std::size(kStreamOptions)];
  for (size_t i = 0; i < std::size(kStreamOptions); ++i) {
    const StreamOption& option = kStreamOptions[i];
    values[i] = 0;
    options.Read(option.name, &values[i]);
    if (values[i] == 0) {
      values[i] = option.standard;
    } else if (values[i] < option.least || values[i] > option.most) {
      options.Reject(fmt::format("{} is {}, but must be {} to {}, or 0 for {}", option.name,
                                 values[i], option.least, option.most, option.standard));
    }
  }
  uint32_t connections = 1;
  options.Read("connectionCount", &connections);
  if (auto good = SetConnections(connections, &settings); !good) {
    options.Reject(std::move(good.error()));
  }
  if (auto good = options.Finish(); !good) return Fail(std::move(good.error()));
  settings.framing = CollectorFraming::kFrameStream;
  settings.patience = MonoTime::FromSeconds(5);
  settings.gather_bytes = values[0];
  settings.flush_after = MonoTime::FromSeconds(values[1]);
  settings.queue_entries = values[2];
  settings.gather_entries = values[3];
  settings.notify_entries = values[4];
  settings.reconnect = MonoTime::FromSeconds(values[5]);
  return Keep(call, std::move(settings));
}

TextResult<CollectorPtr> NewUnixStream(Call& call, const std::string& path, Options options) {
  constexpr size_t kMost = 107;  // sun_path, less the zero octet
  if (path.empty() || path.size() > kMost) {
    return Fail(fmt::format("the path of a socket has 1 to {} octets", kMost));
  }
  CollectorSettings settings;
  settings.unix_path = path;
  return NewStream(call, std::move(settings), options);
}

TextResult<CollectorPtr> NewTcpStream(Call& call, const std::string& server, Options options) {
  const auto address = ServerOf(server);
  if (!address) return Fail(address.error());
  CollectorSettings settings;
  settings.server = *address;
  return NewStream(call, std::move(settings), options);
}

// --- DNSDistProtoBufMessage
WallTime TimeOf(int64_t seconds, uint32_t microseconds) {
  return {seconds, static_cast<int64_t>(microseconds) * 1000};
}
void SetTime(ProtobufMessage& m, int64_t seconds, uint32_t microseconds) {
  m.time = TimeOf(seconds, microseconds);
}
void SetQueryTime(ProtobufMessage& m, int64_t seconds, uint32_t microseconds) {
  m.query_time = TimeOf(seconds, microseconds);
}
void MakeResponse(ProtobufMessage& m, std::optional<int64_t> seconds,
                  std::optional<uint32_t> microseconds) {
  m.is_response = true;
  m.query_time = TimeOf(seconds.value_or(0), microseconds.value_or(0));
}
TextResult<void> AddResponseRecord(Call& call, ProtobufMessage& m, const NameArg& name,
                                   uint16_t type) {
  const auto cls = Reader<uint16_t>::Read(call, 4);
  if (!cls) return Fail(cls.error());
  const auto ttl = Reader<uint32_t>::Read(call, 5);
  if (!ttl) return Fail(ttl.error());
  auto data = Reader<std::string>::Read(call, 6);
  if (!data) return Fail(std::move(data.error()));
  m.records.push_back({name.name.ToString(), type, *cls, *ttl, std::move(*data)});
  return {};
}
void SetBytes(ProtobufMessage& m, uint64_t bytes) {
  m.bytes = bytes;
}
void SetSubnet(ProtobufMessage& m, const NetmaskArg& netmask) {
  m.subnet = netmask.netmask;
}
void SetQuestion(ProtobufMessage& m, const NameArg& name, uint16_t type, uint16_t cls) {
  m.name = name.name.ToString();
  m.type = type;
  m.cls = cls;
}
Address WithPort(const AddressArg& given, std::optional<uint16_t> port) {
  Address address = given.address;
  if (port) address.set_port(*port);
  return address;
}
void SetRequestor(ProtobufMessage& m, const AddressArg& address, std::optional<uint16_t> port) {
  m.requestor = WithPort(address, port);
}
void SetResponder(ProtobufMessage& m, const AddressArg& address, std::optional<uint16_t> port) {
  m.responder = WithPort(address, port);
}
void SetResponseCode(ProtobufMessage& m, uint16_t rcode) {
  m.rcode = rcode;
}
void SetIdentity(ProtobufMessage& m, const std::string& identity) {
  m.server_identity = identity;
}
void AddTag(ProtobufMessage& m, const std::string& tag) {
  m.tags.push_back(tag);
}
void AddTags(ProtobufMessage& m, const std::vector<std::string>& tags) {
  m.tags.insert(m.tags.end(), tags.begin(), tags.end());
}
std::string DebugString(const ProtobufMessage& m) {
  return ProtobufText(m);
}

// --- DnstapMessage
void SetExtra(DnstapMessage& m, const std::string& extra) {
  m.extra = extra;
}
std::string DnstapDebugString(const DnstapMessage& m) {
  return DnstapText(m);
}

constexpr Scope kAny = Scope::kAnywhere;
#define BW_METHOD(name, function, parameters, help) \
  { name, Bind<&function>, "DNSDistProtoBufMessage:" name "(" parameters ")", help, kAny }
constexpr FunctionRow kProtobufMethods[] = {
    BW_METHOD("addResponseRR", AddResponseRecord, "name, type, class, ttl, blob",
              "Adds a record of the answer, with its data as octets."),
    BW_METHOD("setBytes", SetBytes, "bytes", "Sets the size of the message."),
    BW_METHOD("setEDNSSubnet", SetSubnet, "netmask", "Sets the client's network."),
    BW_METHOD("setProtobufResponseType", MakeResponse, "[sec, usec]",
              "Makes it an answer, to a query that came then."),
    BW_METHOD("setQueryTime", SetQueryTime, "sec, usec", "Sets when the query came."),
    BW_METHOD("setQuestion", SetQuestion, "name, qtype, qclass", "Sets the question."),
    BW_METHOD("setRequestor", SetRequestor, "address [, port]", "Sets the client's address."),
    BW_METHOD("setRequestorFromString", SetRequestor, "address [, port]",
              "Sets the client's address."),
    BW_METHOD("setResponder", SetResponder, "address [, port]", "Sets the address asked."),
    BW_METHOD("setResponderFromString", SetResponder, "address [, port]",
              "Sets the address asked."),
    BW_METHOD("setResponseCode", SetResponseCode, "rcode", "Sets the rcode."),
    BW_METHOD("setServerIdentity", SetIdentity, "id", "Sets the name of the server."),
    BW_METHOD("setTag", AddTag, "value", "Adds a tag."),
    BW_METHOD("setTagArray", AddTags, "values", "Adds a list of tags."),
    BW_METHOD("setTime", SetTime, "sec, usec", "Sets when the message was seen."),
    BW_METHOD("toDebugString", DebugString, "", "The message as text, for people."),
};
#undef BW_METHOD
constexpr FunctionRow kDnstapMethods[] = {
    {"setExtra", Bind<&SetExtra>, "DnstapMessage:setExtra(extraData)",
     "Sets the extra data of the message.", kAny},
    {"toDebugString", Bind<&DnstapDebugString>, "DnstapMessage:toDebugString() -> string",
     "The message as text, for people.", kAny},
};

std::string CollectorText(const Collector& collector) {
  return collector.ToString();
}
constexpr FunctionRow kCollectorMethods[] = {
    {"toString", Bind<&CollectorText>, "RemoteLogger:toString() -> string",
     "Where it is, how many messages it was sent and how many were dropped.", kAny},
};

const ClassRow kCollectorClass = {
    "RemoteLogger",
    kCollectorMethods,
    {},
    [](const void* object) { return static_cast<const Collector*>(object)->ToString(); },
    nullptr,
    nullptr,
    nullptr,
    "A collector of messages in protobuf or dnstap."};
const ClassRow kProtobufClass = {
    "DNSDistProtoBufMessage",
    kProtobufMethods,
    {},
    [](const void* object) { return ProtobufText(*static_cast<const ProtobufMessage*>(object)); },
    nullptr,
    nullptr,
    nullptr,
    "What a collector is told of a query or answer, in PowerDNS's protobuf."};
const ClassRow kDnstapClass = {
    "DnstapMessage",
    kDnstapMethods,
    {},
    [](const void* object) { return DnstapText(*static_cast<const DnstapMessage*>(object)); },
    nullptr,
    nullptr,
    nullptr,
    "What a collector is told of a query or answer, as dnstap."};

constexpr FunctionRow kFunctions[] = {
    {"DnstapLogAction", Bind<&DnstapLog>,
     "DnstapLogAction(identity, logger[, alterFunction]) -> DNSAction",
     "Tells a collector of the query as dnstap, and rules go on."},
    {"DnstapLogResponseAction", Bind<&DnstapLogResponse>,
     "DnstapLogResponseAction(identity, logger[, alterFunction]) -> DNSResponseAction",
     "Tells a collector of the answer as dnstap, and rules go on."},
    {"RemoteLogAction", Bind<&RemoteLog>,
     "RemoteLogAction(remoteLogger[, alterFunction [, options [, metas]]]) -> DNSAction",
     "Tells a collector of the query in PowerDNS's protobuf, and rules go on."},
    {"RemoteLogResponseAction", Bind<&RemoteLogResponse>,
     "RemoteLogResponseAction(remoteLogger[, alterFunction[, includeCNAME [, options [, metas [, "
     "delay]]]]]) -> DNSResponseAction",
     "Tells a collector of the answer in PowerDNS's protobuf, and rules go on."},
    {"newFrameStreamTcpLogger", Bind<&NewTcpStream>,
     "newFrameStreamTcpLogger(address [, options]) -> RemoteLogger",
     "A collector of dnstap at that address and port."},
    {"newFrameStreamUnixLogger", Bind<&NewUnixStream>,
     "newFrameStreamUnixLogger(path [, options]) -> RemoteLogger",
     "A collector of dnstap at that socket."},
    {"newRemoteLogger", Bind<&NewRemoteLogger>,
     "newRemoteLogger(address [, timeout=2[, maxQueuedEntries=100[, reconnectWaitTime=1[, "
     "connectionCount=1]]]]) -> RemoteLogger",
     "A collector of protobuf at that address and port; so many messages wait while it takes none, "
     "more are dropped."},
};

}  // namespace

const ClassRow& CollectorClass() {
  return kCollectorClass;
}
const ClassRow& ProtobufMessageClass() {
  return kProtobufClass;
}
const ClassRow& DnstapMessageClass() {
  return kDnstapClass;
}
FunctionPage CollectorFunctions() {
  return kFunctions;
}

}  // namespace breakwater::lua
