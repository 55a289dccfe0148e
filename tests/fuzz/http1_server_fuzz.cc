// The first byte says in which pieces the rest comes; whatever the pieces, the requests are the
// same, and what is held stays bounded.
#include "proxy/net/http1_server.h"

#include <algorithm>

#include "tests/fuzz/check.h"

namespace {

using namespace breakwater;

class Reader : public HttpHandler {
 public:
  void OnRequest(uint32_t stream, HttpRequest request) override {
    fuzz::Require(request.body.size() <= 65535, "bodies are bounded");
    fuzz::Require(request.target.size() <= 8192, "targets are bounded");
    seen_.push_back(request.target + "\n" + request.host + "\n" + request.body + "\n" +
                    std::to_string(request.error));
    server_.Respond(stream, HttpResponse{});
  }
  std::vector<std::string> Read(std::span<const uint8_t> bytes, size_t step) {
    while (!bytes.empty() && server_.WantsInput()) {
      const auto piece = bytes.first(std::min(step, bytes.size()));
      bytes = bytes.subspan(piece.size());
      if (!server_.Feed(piece, MonoTime())) break;
      while (!server_.NextOutput().empty()) continue;
    }
    return seen_;
  }

 private:
  std::vector<std::string> seen_;
  Http1Server server_{*this, HttpLimits{.keep_headers = true}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const auto pieces = Reader().Read(bytes, size_t{1} + data[0]);
  fuzz::Require(pieces == Reader().Read(bytes, bytes.size() + 1), "pieces do not matter");
  return 0;
}
