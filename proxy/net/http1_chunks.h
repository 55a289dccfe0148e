// The body of an HTTP/1.1 request that comes in chunks (RFC 9112, 7.1): extensions and trailers are
// passed over. For one connection, on its worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace breakwater {

class Http1Chunks {
 public:
  enum class Step : uint8_t {
    kMore,      // the input is used up, or too little of it is there
    kDone,      // the body is whole; what follows it stays in the input
    kBad,       // not as the RFC says, or with more around the body than anybody needs
    kTooLarge,  // more than `most_body` bytes
  };

  // For the next request.
  void Begin(size_t most_body) {
    *this = Http1Chunks{};
    most_body_ = most_body;
  }
  // Moves what it can from the front of `input` to the end of `body`. In whatever pieces the input
  // comes, the outcome is the same.
  Step Take(std::string* input, std::string* body);

 private:
  enum class Part : uint8_t { kSize, kData, kDataEnd, kTrailer };
  Step TakeFrom(std::string_view* input, std::string* body);
  Step TakeLine(std::string_view* input, std::string_view* line);
  Step TakeSize(std::string_view* input, size_t held);

  size_t most_body_ = 0;
  size_t left_ = 0;    // of the chunk
  size_t around_ = 0;  // bytes that are no body
  Part part_ = Part::kSize;
};

}  // namespace breakwater
