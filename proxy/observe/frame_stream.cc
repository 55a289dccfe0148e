#include "proxy/observe/frame_stream.h"

#include <fstrm.h>

#include <array>
#include <memory>
#include <string_view>

#include "proxy/base/byte_writer.h"

namespace breakwater {
namespace {

constexpr std::string_view kContentType = "protobuf:dnstap.Dnstap";

struct DestroyControl {
  void operator()(fstrm_control* control) const { fstrm_control_destroy(&control); }
};
using Control = std::unique_ptr<fstrm_control, DestroyControl>;

fstrm_control_type TypeOf(ControlFrame kind) {
  switch (kind) {
    case ControlFrame::kReady:
      return FSTRM_CONTROL_READY;
    case ControlFrame::kAccept:
      return FSTRM_CONTROL_ACCEPT;
    case ControlFrame::kStart:
      return FSTRM_CONTROL_START;
    case ControlFrame::kStop:
      return FSTRM_CONTROL_STOP;
    case ControlFrame::kFinish:
      break;
  }
  return FSTRM_CONTROL_FINISH;
}

bool HasContentType(ControlFrame kind) {
  return kind == ControlFrame::kReady || kind == ControlFrame::kAccept ||
         kind == ControlFrame::kStart;
}

const uint8_t* ContentType() {
  return reinterpret_cast<const uint8_t*>(kContentType.data());
}

}  // namespace

std::string MakeControlFrame(ControlFrame kind) {
  const Control control(fstrm_control_init());
  fstrm_control_set_type(control.get(), TypeOf(kind));
  if (HasContentType(kind)) {
    fstrm_control_add_field_content_type(control.get(), ContentType(), kContentType.size());
  }
  std::array<uint8_t, kMostControlFrame> bytes;
  size_t length = bytes.size();
  if (fstrm_control_encode(control.get(), bytes.data(), &length, FSTRM_CONTROL_FLAG_WITH_HEADER) !=
      fstrm_res_success) {
    return {};
  }
  return {reinterpret_cast<const char*>(bytes.data()), length};
}

ControlParse ParseControlFrame(std::span<const uint8_t> bytes, ControlFrame expected) {
  constexpr size_t kHeader = 8;  // escape (a length of zero), length
  for (size_t i = 0; i < 4 && i < bytes.size(); ++i) {
    if (bytes[i] != 0) return ControlParse::kBad;
  }
  if (bytes.size() < kHeader) return ControlParse::kPartial;
  const uint32_t length = LoadU32(bytes.data() + 4);
  if (length > kMostControlFrame - kHeader) return ControlParse::kBad;
  if (bytes.size() < kHeader + length) return ControlParse::kPartial;
  const Control control(fstrm_control_init());
  fstrm_control_type type{};
  if (fstrm_control_decode(control.get(), bytes.data() + kHeader, length, 0) != fstrm_res_success ||
      fstrm_control_get_type(control.get(), &type) != fstrm_res_success ||
      type != TypeOf(expected)) {
    return ControlParse::kBad;
  }
  if (HasContentType(expected) &&
      fstrm_control_match_field_content_type(control.get(), ContentType(), kContentType.size()) !=
          fstrm_res_success) {
    return ControlParse::kBad;
  }
  return ControlParse::kWhole;
}

}  // namespace breakwater
