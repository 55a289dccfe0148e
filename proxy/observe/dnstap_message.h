// A query or an answer as dnstap tells it (dnstap.proto): the message itself, byte for byte, with
// addresses and times. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/clock.h"
#include "proxy/query/query.h"

namespace breakwater {

struct DnstapMessage {
  bool is_response = false;  // CLIENT_RESPONSE, else CLIENT_QUERY
  std::string identity;      // this and extra are left out where empty
  std::string extra;
  Protocol protocol = Protocol::kDoUdp;
  Address requestor;
  Address responder;
  WallTime query_time;
  WallTime response_time;  // of an answer
  std::string message;     // what is told, in wire form
};

DnstapMessage DnstapOf(const Query& query);

std::string EncodeDnstap(const DnstapMessage& message);

// Lines of "field: value", for people.
std::string DnstapText(const DnstapMessage& message);

}  // namespace breakwater
