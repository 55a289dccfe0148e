// A query or an answer as PowerDNS's protobuf (dnsmessage.proto) tells it: a value that is filled
// from a query, changed by whoever likes, and encoded. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/base/netmask.h"
#include "proxy/query/query.h"

namespace breakwater {

struct ProtobufRecord {
  std::string name;  // "www.example.com."
  uint16_t type = 0;
  uint16_t cls = 1;
  uint32_t ttl = 0;
  std::string data;  // the octets of an address; any octets
};

struct ProtobufMessage {
  bool is_response = false;
  std::optional<MessageId> id;
  std::string server_identity;  // this and all other empty texts are left out
  Protocol protocol = Protocol::kDoUdp;
  Address requestor;
  Address responder;
  WallTime time;
  WallTime query_time;
  uint64_t bytes = 0;  // of the message
  uint16_t dns_id = 0;
  uint16_t header_flags = 0;  // the third and fourth octet of the header, in the machine's order
  // --- question
  std::string name;
  uint16_t type = 0;
  uint16_t cls = 1;
  // --- answer
  std::optional<uint32_t> rcode;
  std::vector<ProtobufRecord> records;
  std::vector<std::string> tags;
  bool cache_hit = false;  // told of answers alone, as the next
  uint32_t outgoing_queries = 0;
  // --- client
  std::optional<Netmask> subnet;
  std::string requestor_id;
  std::string device_id;
  std::string device_name;
  std::vector<QueryMeta> metas;
};

// Whether names of aliases are told beside addresses.
enum class RecordChoice : uint8_t { kAddresses, kAddressesAndAliases };

// What is true of every message: addresses, times, question, flags, devices, metas. An answer has
// its rcode too.
ProtobufMessage ProtobufOf(const Query& query);
// The A and AAAA records of its answer section, class IN, up to the first that cannot be read.
void AddRecords(const Query& answer, RecordChoice choice, ProtobufMessage* message);

std::string EncodeProtobuf(const ProtobufMessage& message);

// Lines of "field: value", for people.
std::string ProtobufText(const ProtobufMessage& message);

}  // namespace breakwater
