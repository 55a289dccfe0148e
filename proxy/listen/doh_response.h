// What is said in HTTP: the response that carries an answer, those that refuse, and how they are
// counted. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/net/http_session.h"
#include "proxy/query/client_reply.h"
#include "proxy/query/doh_frontend.h"
#include "proxy/query/query.h"

namespace breakwater {

// The finished answer, or what a rule put in its place.
HttpResponse AnswerResponse(const Query& query, const DohSettings& settings);
// A few words as text.
HttpResponse StatusResponse(uint16_t status, const DohSettings& settings);
// The first entry whose expression matches the path; nothing where none does.
std::optional<HttpResponse> MappedResponse(const DohResponses& map, std::string_view path,
                                           const DohSettings& settings);

// The whole response, HTTP/1.1, to a client that has not agreed on HTTP/2 over TLS.
std::string VersionRefusal(WallTime now);

uint16_t DropStatus(DropReason reason);
// Absent, or application/dns-message with or without parameters.
bool IsDnsContentType(std::string_view type);
void CountResponse(DohCounters& counters, HttpVersion version, uint16_t status);

}  // namespace breakwater
