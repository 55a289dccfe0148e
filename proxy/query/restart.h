// A query that starts again, after the query rules, because a rule did not like its answer:
// dq:setRestartable() keeps the query, dr:restart() asks for it, the query path puts it back.
// Worker's thread, like the query itself.
#pragma once

#include "proxy/query/query.h"

namespace breakwater {

// Keeps the query as it is now.
void KeepForRestart(Query& query);

// False where nothing was kept, or after 255 restarts, so that a rule that always asks comes to an
// end.
bool AskForRestart(Query& query);

// The kept query in place of the answer. Its tags, pool and everything else rules set stay.
void PutBack(Query& query, PacketPool& packets);

}  // namespace breakwater
