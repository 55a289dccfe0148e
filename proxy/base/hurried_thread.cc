#include "proxy/base/hurried_thread.h"

namespace breakwater {
namespace {

thread_local bool hurried = false;

}  // namespace

void MarkThreadHurried() {
  hurried = true;
}

bool IsThreadHurried() {
  return hurried;
}

}  // namespace breakwater
