// What verbose mode (-v, setVerbose) tells of single queries, in dnsdist's words. Lines that others
// can bring about at will: nothing limits them, nor is anything written without verbose mode.
#pragma once

#include "proxy/backend/backend.h"
#include "proxy/query/client_reply.h"
#include "proxy/query/query.h"

namespace breakwater {

void TellRelayed(const Query& query, const Backend& backend);
void TellAnswered(const Query& query, const Backend& backend, MonoTime took);
void TellHit(const Query& query);
void TellDropped(const Query& query, DropReason reason);
void TellTimeout(const Query& query, const Backend& backend);

}  // namespace breakwater
