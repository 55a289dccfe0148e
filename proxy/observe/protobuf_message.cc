#include "proxy/observe/protobuf_message.h"

#include <cstring>

#include "proxy/base/wall_clock.h"
#include "proxy/dns/record_walker.h"

namespace breakwater {
namespace {

std::string Octets(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void AddDevices(const Query& query, ProtobufMessage* message) {
  const QueryExtras* extras = query.extras();
  if (extras == nullptr) return;
  message->id = extras->message_id;
  message->requestor_id = extras->requestor_id;
  message->device_id = extras->device_id;
  message->device_name = extras->device_name;
  message->metas = extras->metas;
}

}  // namespace

ProtobufMessage ProtobufOf(const Query& query) {
  ProtobufMessage message;
  message.is_response = query.header().Has(dns::kFlagQr);
  message.protocol = query.protocol;
  message.requestor = query.client;
  message.responder = query.local;
  message.query_time = WallAt(query.arrived);
  message.time = message.is_response ? WallNow() : message.query_time;
  message.bytes = query.size;
  message.dns_id = query.client_id;
  std::memcpy(&message.header_flags, query.data + 2, sizeof(message.header_flags));
  message.name = query.NameCopy().ToString();
  message.type = static_cast<uint16_t>(query.question.type);
  message.cls = static_cast<uint16_t>(query.question.cls);
  if (message.is_response) {
    message.rcode = static_cast<uint32_t>(query.header().rcode());
    message.cache_hit = query.from_cache;
    message.outgoing_queries = query.from_cache || query.self_answered ? 0 : 1;
  }
  AddDevices(query, &message);
  return message;
}

void AddRecords(const Query& answer, RecordChoice choice, ProtobufMessage* message) {
  const auto bytes = answer.message();
  dns::RecordWalker walker(bytes, answer.records_start());
  while (walker.Next()) {
    const dns::Record& record = walker.record();
    if (record.section != dns::Section::kAnswer) return;
    if (record.cls != dns::Class::kIn) continue;
    const bool alias = record.type == dns::Type::kCname;
    const bool address = (record.type == dns::Type::kA && record.rdata_length == 4) ||
                         (record.type == dns::Type::kAaaa && record.rdata_length == 16);
    if (!address && (!alias || choice == RecordChoice::kAddresses)) continue;
    const auto owner = walker.OwnerName();
    if (!owner) return;
    ProtobufRecord told{.name = owner->ToString(),
                        .type = static_cast<uint16_t>(record.type),
                        .cls = static_cast<uint16_t>(record.cls),
                        .ttl = record.ttl,
                        .data = Octets(bytes.subspan(record.rdata_offset, record.rdata_length))};
    if (alias) {
      size_t end = 0;
      const auto target = dns::Name::FromMessage(bytes, record.rdata_offset, &end);
      if (!target) return;
      told.data = target->ToString();
    }
    message->records.push_back(std::move(told));
  }
}

}  // namespace breakwater
