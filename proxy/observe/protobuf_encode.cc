// Field numbers are those of PowerDNS's public dnsmessage.proto.
#include <fmt/format.h>

#include <protozero/pbf_builder.hpp>

#include "proxy/dns/types.h"
#include "proxy/observe/protobuf_message.h"
#include "proxy/observe/socket_protocol.h"

namespace breakwater {
namespace {

using protozero::pbf_builder;

enum class Field : protozero::pbf_tag_type {
  kType = 1,
  kMessageId = 2,
  kServerIdentity = 3,
  kSocketFamily = 4,
  kSocketProtocol = 5,
  kFrom = 6,
  kTo = 7,
  kInBytes = 8,
  kTimeSec = 9,
  kTimeUsec = 10,
  kId = 11,
  kQuestion = 12,
  kResponse = 13,
  kOriginalRequestorSubnet = 14,
  kRequestorId = 15,
  kDeviceId = 17,
  kDeviceName = 19,
  kFromPort = 20,
  kToPort = 21,
  kMeta = 22,
  kHttpVersion = 24,
  kPacketCacheHit = 26,
  kOutgoingQueries = 27,
  kHeaderFlags = 28,
};
enum class QuestionField : protozero::pbf_tag_type { kName = 1, kType = 2, kClass = 3 };
enum class ResponseField : protozero::pbf_tag_type {
  kRcode = 1,
  kRecords = 2,
  kTags = 4,
  kQueryTimeSec = 5,
  kQueryTimeUsec = 6,
};
enum class RecordField : protozero::pbf_tag_type {
  kName = 1,
  kType = 2,
  kClass = 3,
  kTtl = 4,
  kData = 5,
};
enum class MetaField : protozero::pbf_tag_type { kKey = 1, kValue = 2 };
enum class MetaValueField : protozero::pbf_tag_type { kText = 1, kNumber = 2 };

constexpr int32_t kHttp2 = 2;

std::string_view Raw(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

uint32_t Microseconds(const WallTime& time) {
  return static_cast<uint32_t>(time.nanoseconds / 1000);
}

template <typename Message, typename FieldT>
void AddText(Message& to, FieldT field, std::string_view text) {
  if (!text.empty()) to.add_bytes(field, text.data(), text.size());
}

void AddAddresses(const ProtobufMessage& message, pbf_builder<Field>& to) {
  const Address& known = message.requestor.IsSet() ? message.requestor : message.responder;
  if (known.IsSet()) to.add_enum(Field::kSocketFamily, known.IsV6() ? 2 : 1);
  to.add_enum(Field::kSocketProtocol, SocketProtocolNumber(message.protocol));
  AddText(to, Field::kFrom, Raw(message.requestor.Raw()));
  AddText(to, Field::kTo, Raw(message.responder.Raw()));
  if (message.requestor.IsSet()) to.add_uint32(Field::kFromPort, message.requestor.port());
  if (message.responder.IsSet()) to.add_uint32(Field::kToPort, message.responder.port());
}

void AddQuestion(const ProtobufMessage& message, pbf_builder<Field>& to) {
  pbf_builder<QuestionField> question(to, Field::kQuestion);
  question.add_string(QuestionField::kName, message.name);
  question.add_uint32(QuestionField::kType, message.type);
  question.add_uint32(QuestionField::kClass, message.cls);
}

void AddResponse(const ProtobufMessage& message, pbf_builder<Field>& to) {
  pbf_builder<ResponseField> response(to, Field::kResponse);
  if (message.rcode) response.add_uint32(ResponseField::kRcode, *message.rcode);
  for (const ProtobufRecord& record : message.records) {
    pbf_builder<RecordField> told(response, ResponseField::kRecords);
    told.add_string(RecordField::kName, record.name);
    told.add_uint32(RecordField::kType, record.type);
    told.add_uint32(RecordField::kClass, record.cls);
    told.add_uint32(RecordField::kTtl, record.ttl);
    told.add_bytes(RecordField::kData, record.data);
  }
  for (const std::string& tag : message.tags) response.add_string(ResponseField::kTags, tag);
  response.add_uint32(ResponseField::kQueryTimeSec,
                      static_cast<uint32_t>(message.query_time.seconds));
  response.add_uint32(ResponseField::kQueryTimeUsec, Microseconds(message.query_time));
}

void AddMeta(const QueryMeta& meta, pbf_builder<Field>& to) {
  pbf_builder<MetaField> told(to, Field::kMeta);
  told.add_string(MetaField::kKey, meta.key);
  pbf_builder<MetaValueField> value(told, MetaField::kValue);
  for (const std::string& text : meta.texts) value.add_string(MetaValueField::kText, text);
  for (const int64_t number : meta.numbers) value.add_int64(MetaValueField::kNumber, number);
}

}  // namespace

std::string EncodeProtobuf(const ProtobufMessage& message) {
  std::string bytes;
  bytes.reserve(512);
  pbf_builder<Field> to(bytes);
  to.add_enum(Field::kType, message.is_response ? 2 : 1);
  if (message.id) AddText(to, Field::kMessageId, Raw(*message.id));
  AddText(to, Field::kServerIdentity, message.server_identity);
  AddAddresses(message, to);
  to.add_uint64(Field::kInBytes, message.bytes);
  to.add_uint32(Field::kTimeSec, static_cast<uint32_t>(message.time.seconds));
  to.add_uint32(Field::kTimeUsec, Microseconds(message.time));
  to.add_uint32(Field::kId, message.dns_id);
  AddQuestion(message, to);
  AddResponse(message, to);
  if (message.subnet) {
    AddText(to, Field::kOriginalRequestorSubnet, Raw(message.subnet->network().Raw()));
  }
  AddText(to, Field::kRequestorId, message.requestor_id);
  AddText(to, Field::kDeviceId, message.device_id);
  AddText(to, Field::kDeviceName, message.device_name);
  for (const QueryMeta& meta : message.metas) AddMeta(meta, to);
  if (message.protocol == Protocol::kDoh) to.add_enum(Field::kHttpVersion, kHttp2);
  if (message.is_response) {
    to.add_bool(Field::kPacketCacheHit, message.cache_hit);
    to.add_uint32(Field::kOutgoingQueries, message.outgoing_queries);
  }
  to.add_uint32(Field::kHeaderFlags, message.header_flags);
  return bytes;
}

std::string ProtobufText(const ProtobufMessage& message) {
  std::string text;
  const auto line = [&](std::string_view field, const auto& value) {
    text += fmt::format("{}: {}\n", field, value);
  };
  line("type", message.is_response ? "response" : "query");
  line("protocol", ProtocolName(message.protocol));
  line("from", message.requestor.ToStringWithPort());
  line("to", message.responder.ToStringWithPort());
  line("time", fmt::format("{}.{:06}", message.time.seconds, Microseconds(message.time)));
  line("queryTime",
       fmt::format("{}.{:06}", message.query_time.seconds, Microseconds(message.query_time)));
  line("id", message.dns_id);
  line("inBytes", message.bytes);
  line("question", fmt::format("{} {} class {}", message.name,
                               dns::TypeName(static_cast<dns::Type>(message.type)), message.cls));
  if (message.rcode) line("rcode", *message.rcode);
  for (const ProtobufRecord& record : message.records) {
    line("record", fmt::format("{} {} {} class {}, {} octets", record.name, record.ttl,
                               dns::TypeName(static_cast<dns::Type>(record.type)), record.cls,
                               record.data.size()));
  }
  for (const std::string& tag : message.tags) line("tag", tag);
  if (message.subnet) line("subnet", message.subnet->ToString());
  for (const QueryMeta& meta : message.metas) line("meta", meta.key);
  const std::pair<const char*, const std::string&> texts[] = {
      {"serverIdentity", message.server_identity},
      {"requestorId", message.requestor_id},
      {"deviceId", message.device_id},
      {"deviceName", message.device_name}};
  for (const auto& [field, value] : texts) {
    if (!value.empty()) line(field, value);
  }
  return text;
}

}  // namespace breakwater
