// What an HTTPS server answers: frames of HTTP/2 after a few requests. What comes out are whole
// framed messages, no more of them than were asked for, each at least a header.
#include "proxy/net/doh_stream.h"

#include <algorithm>
#include <cstring>

#include "proxy/dns/header.h"
#include "proxy/net/dns_framing.h"
#include "tests/fuzz/check.h"

namespace {

using namespace breakwater;

constexpr int kAsked = 5;

// A TLS stream that agreed on "h2" and gives out what the fuzzer made.
class Scripted : public Stream {
 public:
  Scripted(std::span<const uint8_t> input, size_t step) : input_(input), step_(step) {
    facts_.alpn = "h2";
  }
  ReadResult Read(std::span<uint8_t> room) override {
    if (input_.empty()) return {ReadStatus::kEnd, 0, 0};
    const size_t size = std::min({step_, room.size(), input_.size()});
    std::memcpy(room.data(), input_.data(), size);
    input_ = input_.subspan(size);
    return {ReadStatus::kData, size, 0};
  }
  bool QueueMessage(PacketBuffer, size_t) override { return true; }
  bool QueueBytes(PacketBuffer, size_t) override { return true; }
  FlushStatus Flush() override { return FlushStatus::kDone; }
  size_t queued_bytes() const override { return 0; }
  size_t held_bytes() const override { return 0; }
  void PauseReading() override {}
  void ResumeReading() override {}
  void ShutDownWriting() override {}
  const TlsFacts* tls() const override { return &facts_; }
  bool over() const { return input_.empty(); }

 private:
  std::span<const uint8_t> input_;
  size_t step_;
  TlsFacts facts_;
};

class Asker : public StreamHandler {
 public:
  void OnReadable() override {
    std::array<uint8_t, 4096> room;
    for (;;) {
      const Stream::ReadResult read = stream->Read(room);
      if (read.status != Stream::ReadStatus::kData) {
        done |= read.status != Stream::ReadStatus::kNothing;
        return;
      }
      std::span<const uint8_t> bytes(room.data(), read.bytes);
      while (const auto message = decoder_.Next(bytes)) {
        fuzz::Require(message->size() >= dns::kHeaderSize, "answers have a header");
        fuzz::Require(++answers_ <= kAsked, "no more answers than questions");
      }
    }
  }
  void OnWriteProgress() override {}
  void OnBroken(int) override { done = true; }

  Stream* stream = nullptr;
  bool done = false;

 private:
  PacketPool pool_;
  FrameDecoder decoder_{pool_};
  int answers_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  static Loop loop;
  PacketPool pool;
  Asker asker;
  DohStream stream(loop, asker, {.authority = "dns.example", .path = "/dns-query"});
  auto below = std::make_unique<Scripted>(std::span(data + 1, size - 1), size_t{1} + data[0]);
  Scripted& script = *below;
  stream.Carry(std::move(below));
  asker.stream = &stream;
  constexpr uint8_t kQuery[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
  for (int i = 0; i < kAsked; ++i) {
    PacketBuffer query = pool.Get(sizeof(kQuery));
    std::memcpy(query.data(), kQuery, sizeof(kQuery));
    stream.QueueMessage(std::move(query), sizeof(kQuery));
  }
  stream.below().OnConnected();
  stream.ResumeReading();
  (void)stream.Flush();
  while (!script.over() && !asker.done) stream.below().OnReadable();
  return 0;
}
