// Actions that tell collectors of queries and answers, in protobuf or as dnstap. They go on.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/net/ip_cipher.h"
#include "proxy/observe/collector.h"
#include "proxy/observe/dnstap_message.h"
#include "proxy/observe/protobuf_metas.h"
#include "proxy/rules/action.h"

namespace breakwater {

// What the file adds to or hides in a message before it is told. False: it is not told.
template <typename Message>
using AlterMessage = std::function<bool(Query&, RuleContext&, Message&)>;

enum class TellWhen : uint8_t { kAtOnce, kAtQueryEnd };

struct ProtobufTelling {
  CollectorPtr collector;
  std::string server_identity;
  // How the client's address is encrypted; the port is told as it is.
  std::variant<std::monostate, IpCipherKey, IpPrefixKey> client_cipher;
  TagExport tags{""};
  std::vector<ProtobufMeta> metas;
  AlterMessage<ProtobufMessage> alter;  // may be empty
  // --- of answers alone
  RecordChoice records = RecordChoice::kAddresses;
  std::string extended_error_key;  // empty: extended errors are not told
  TellWhen when = TellWhen::kAtOnce;
};
ActionPtr MakeRemoteLogAction(ProtobufTelling telling);
ResponseActionPtr MakeRemoteLogResponseAction(ProtobufTelling telling);

struct DnstapTelling {
  CollectorPtr collector;
  std::string identity;
  AlterMessage<DnstapMessage> alter;  // may be empty
};
ActionPtr MakeDnstapLogAction(DnstapTelling telling);
ResponseActionPtr MakeDnstapLogResponseAction(DnstapTelling telling);

}  // namespace breakwater
