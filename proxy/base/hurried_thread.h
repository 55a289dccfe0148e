// Threads that must never wait for a disk: workers. What they cause to be written is handed on.
#pragma once

namespace breakwater {

// The calling thread, for the rest of its life.
void MarkThreadHurried();
bool IsThreadHurried();

}  // namespace breakwater
