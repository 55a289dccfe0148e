// Frames of HTTP/2 behind a preface; requests are answered at once, later, or refused. What is held
// stays bounded.
#include "proxy/net/h2_server.h"

#include <algorithm>

#include "tests/fuzz/check.h"

namespace {

using namespace breakwater;

class Server : public HttpHandler {
 public:
  void OnRequest(uint32_t stream, HttpRequest request) override {
    fuzz::Require(request.body.size() <= 65535, "bodies are bounded");
    fuzz::Require(request.target.size() <= 16384, "targets are bounded");
    if (stream % 3 == 0) return session_.Refuse(stream);
    if (stream % 5 == 0) return waiting_.push_back(stream);
    Answer(stream);
  }
  void Answer(uint32_t stream) {
    HttpResponse response;
    response.body.resize(600);
    session_.Respond(stream, std::move(response));
  }
  void Run(std::span<const uint8_t> bytes, size_t step) {
    MonoTime now = MonoTime::FromMs(1);
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(step, bytes.size()));
      bytes = bytes.subspan(piece.size());
      now = now + MonoTime::FromMs(1);
      const bool good = session_.Feed(piece, now);
      while (!session_.NextOutput().empty()) continue;
      fuzz::Require(session_.in_progress() <= 100, "requests in progress are bounded");
      if (!good) break;
      for (const uint32_t stream : std::exchange(waiting_, {})) Answer(stream);
      session_.ResetUnfinished(now - MonoTime::FromMs(50));
    }
    session_.StopTaking();
    while (!session_.NextOutput().empty()) continue;
  }

 private:
  std::vector<uint32_t> waiting_;
  H2Server session_{*this, HttpLimits{.keep_headers = true}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  if (size < 1) return 0;
  std::vector<uint8_t> bytes(kPreface.begin(), kPreface.end());
  // The preface ends with the client's settings.
  bytes.insert(bytes.end(), {0, 0, 0, 4, 0, 0, 0, 0, 0});
  bytes.insert(bytes.end(), data + 1, data + size);
  Server().Run(bytes, size_t{1} + data[0]);
  return 0;
}
