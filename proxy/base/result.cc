#include "proxy/base/result.h"

namespace breakwater {

std::string_view ErrorText(Error error) {
  switch (error) {
    case Error::kTruncated:
      return "message is truncated";
    case Error::kNameTooLong:
      return "name is over 255 octets";
    case Error::kBadLabel:
      return "label is not valid";
    case Error::kBadPointer:
      return "compression pointer does not point backwards";
    case Error::kTooManyPointers:
      return "too many compression pointers";
    case Error::kBadCount:
      return "header count does not match the message";
    case Error::kBadOpt:
      return "OPT record is not valid";
    case Error::kBadOption:
      return "EDNS option is not valid";
    case Error::kNoSpace:
      return "does not fit";
    case Error::kNotFound:
      return "not found";
    case Error::kUnsupported:
      return "not supported";
    case Error::kIo:
      return "input/output error";
    case Error::kLimit:
      return "limit reached";
    case Error::kClosed:
      return "closed";
  }
  return "unknown error";
}

}  // namespace breakwater
