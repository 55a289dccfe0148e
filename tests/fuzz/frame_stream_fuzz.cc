// Any bytes as what a collector of dnstap sends: a control frame is judged the same however much
// follows it, and no earlier than it is whole.
#include "proxy/observe/frame_stream.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace breakwater;
  for (const ControlFrame kind : {ControlFrame::kReady, ControlFrame::kAccept, ControlFrame::kStart,
                                  ControlFrame::kStop, ControlFrame::kFinish}) {
    const ControlParse all = ParseControlFrame({data, size}, kind);
    if (all == ControlParse::kPartial && size >= kMostControlFrame) std::abort();
    bool decided = false;
    for (size_t length = 0; length <= size && !decided; ++length) {
      const ControlParse some = ParseControlFrame({data, length}, kind);
      decided = some != ControlParse::kPartial;
      if (decided && some != all) std::abort();
    }
    if (decided != (all != ControlParse::kPartial)) std::abort();
  }
  return 0;
}
