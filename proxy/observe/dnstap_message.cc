// Field numbers are those of the public dnstap.proto.
#include "proxy/observe/dnstap_message.h"

#include <fmt/format.h>

#include <protozero/pbf_builder.hpp>

#include "proxy/base/version.h"
#include "proxy/base/wall_clock.h"
#include "proxy/observe/socket_protocol.h"

namespace breakwater {
namespace {

using protozero::pbf_builder;

enum class Field : protozero::pbf_tag_type {
  kIdentity = 1,
  kVersion = 2,
  kExtra = 3,
  kMessage = 14,
  kType = 15,
};
enum class MessageField : protozero::pbf_tag_type {
  kType = 1,
  kSocketFamily = 2,
  kSocketProtocol = 3,
  kQueryAddress = 4,
  kResponseAddress = 5,
  kQueryPort = 6,
  kResponsePort = 7,
  kQueryTimeSec = 8,
  kQueryTimeNsec = 9,
  kQueryMessage = 10,
  kResponseTimeSec = 12,
  kResponseTimeNsec = 13,
  kResponseMessage = 14,
};
constexpr int32_t kClientQuery = 5;
constexpr int32_t kClientResponse = 6;

void AddAddress(pbf_builder<MessageField>& to, MessageField field, const Address& address) {
  const auto raw = address.Raw();
  if (!raw.empty()) {
    to.add_bytes(field, reinterpret_cast<const char*>(raw.data()), raw.size());
  }
}

void AddMessage(const DnstapMessage& message, pbf_builder<Field>& dnstap) {
  pbf_builder<MessageField> to(dnstap, Field::kMessage);
  to.add_enum(MessageField::kType, message.is_response ? kClientResponse : kClientQuery);
  to.add_enum(MessageField::kSocketFamily, message.requestor.IsV6() ? 2 : 1);
  to.add_enum(MessageField::kSocketProtocol, SocketProtocolNumber(message.protocol));
  AddAddress(to, MessageField::kQueryAddress, message.requestor);
  AddAddress(to, MessageField::kResponseAddress, message.responder);
  to.add_uint32(MessageField::kQueryPort, message.requestor.port());
  to.add_uint32(MessageField::kResponsePort, message.responder.port());
  to.add_uint64(MessageField::kQueryTimeSec, static_cast<uint64_t>(message.query_time.seconds));
  to.add_fixed32(MessageField::kQueryTimeNsec,
                 static_cast<uint32_t>(message.query_time.nanoseconds));
  if (!message.is_response) {
    to.add_bytes(MessageField::kQueryMessage, message.message);
    return;
  }
  to.add_uint64(MessageField::kResponseTimeSec,
                static_cast<uint64_t>(message.response_time.seconds));
  to.add_fixed32(MessageField::kResponseTimeNsec,
                 static_cast<uint32_t>(message.response_time.nanoseconds));
  to.add_bytes(MessageField::kResponseMessage, message.message);
}

}  // namespace

DnstapMessage DnstapOf(const Query& query) {
  const bool is_response = query.header().Has(dns::kFlagQr);
  const auto bytes = query.message();
  return {.is_response = is_response,
          .identity = {},
          .extra = {},
          .protocol = query.protocol,
          .requestor = query.client,
          .responder = query.local,
          .query_time = WallAt(query.arrived),
          .response_time = is_response ? WallNow() : WallTime(),
          .message = {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
}

std::string EncodeDnstap(const DnstapMessage& message) {
  constexpr int32_t kTypeMessage = 1;
  std::string bytes;
  bytes.reserve(message.message.size() + message.extra.size() + 256);
  pbf_builder<Field> to(bytes);
  if (!message.identity.empty()) to.add_bytes(Field::kIdentity, message.identity);
  to.add_bytes(Field::kVersion, VersionText());
  if (!message.extra.empty()) to.add_bytes(Field::kExtra, message.extra);
  AddMessage(message, to);
  to.add_enum(Field::kType, kTypeMessage);
  return bytes;
}

std::string DnstapText(const DnstapMessage& message) {
  const auto time = [](const WallTime& when) {
    return fmt::format("{}.{:09}", when.seconds, when.nanoseconds);
  };
  std::string text =
      fmt::format("type: {}\nidentity: {}\nprotocol: {}\nfrom: {}\nto: {}\nqueryTime: {}\n",
                  message.is_response ? "CLIENT_RESPONSE" : "CLIENT_QUERY", message.identity,
                  ProtocolName(message.protocol), message.requestor.ToStringWithPort(),
                  message.responder.ToStringWithPort(), time(message.query_time));
  if (message.is_response) text += "responseTime: " + time(message.response_time) + "\n";
  if (!message.extra.empty()) text += fmt::format("extra: {} octets\n", message.extra.size());
  return text + fmt::format("message: {} octets\n", message.message.size());
}

}  // namespace breakwater
