#include "proxy/net/doh_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "proxy/dns/header.h"
#include "proxy/net/dns_framing.h"

namespace breakwater {
namespace {

using testing::ElementsAre;
using testing::Pair;

// The server's side: an nghttp2 session in place of TLS and what lies behind it.
class Server : public Stream {
 public:
  Server() {
    facts_.alpn = "h2";
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
           const uint8_t* value, size_t value_size, uint8_t, void* user) {
          auto& fields = static_cast<Server*>(user)->headers[frame->hd.stream_id];
          fields[std::string(name, name + name_size)] = std::string(value, value + value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
          static_cast<Server*>(user)->bodies[id].append(data, data + size);
          return 0;
        });
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Server() override { nghttp2_session_del(session_); }

  void Answer(int32_t id, const std::string& status, std::string body,
              const std::string& type = "application/dns-message") {
    const auto header = [](std::string_view name, const std::string& value) {
      return nghttp2_nv{const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(name.data())),
                        const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(value.data())),
                        name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    const nghttp2_nv fields[] = {header(":status", status), header("content-type", type)};
    answers_[id] = std::move(body);
    nghttp2_data_provider provider{};
    provider.read_callback = [](nghttp2_session*, int32_t stream, uint8_t* room, size_t size,
                                uint32_t* flags, nghttp2_data_source*, void* user) -> ssize_t {
      std::string& text = static_cast<Server*>(user)->answers_[stream];
      const size_t count = std::min(size, text.size());
      std::memcpy(room, text.data(), count);
      text.erase(0, count);
      if (text.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(count);
    };
    nghttp2_submit_response(session_, id, fields, 2, &provider);
  }
  nghttp2_session* session() { return session_; }

  ReadResult Read(std::span<uint8_t> room) override {
    if (out_.empty()) {
      const uint8_t* bytes = nullptr;
      for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;) {
        out_.append(bytes, bytes + size);
      }
    }
    if (out_.empty()) return {};
    const size_t size = std::min(room.size(), out_.size());
    std::memcpy(room.data(), out_.data(), size);
    out_.erase(0, size);
    return {ReadStatus::kData, size, 0};
  }
  bool QueueMessage(PacketBuffer, size_t) override { return false; }
  bool QueueBytes(PacketBuffer bytes, size_t size) override {
    return nghttp2_session_mem_recv(session_, bytes.data(), size) == static_cast<ssize_t>(size);
  }
  FlushStatus Flush() override { return FlushStatus::kDone; }
  size_t queued_bytes() const override { return 0; }
  size_t held_bytes() const override { return 0; }
  void PauseReading() override {}
  void ResumeReading() override {}
  void ShutDownWriting() override {}
  const TlsFacts* tls() const override { return &facts_; }

  std::map<int32_t, std::map<std::string, std::string>> headers;
  std::map<int32_t, std::string> bodies;

 private:
  TlsFacts facts_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, std::string> answers_;
  std::string out_;
};

class DohStreamTest : public testing::Test, public StreamHandler {
 protected:
  DohStreamTest() : stream_(loop_, *this, {.authority = "dns.example", .path = "/q"}) {
    auto server = std::make_unique<Server>();
    server_ = server.get();
    stream_.Carry(std::move(server));
  }
  void OnConnected() override { stream_.ResumeReading(); }
  void OnReadable() override {
    std::array<uint8_t, 4096> room;
    for (;;) {
      const auto read = stream_.Read(room);
      ended_ |= read.status == Stream::ReadStatus::kEnd;
      if (read.status != Stream::ReadStatus::kData) return;
      std::span<const uint8_t> bytes(room.data(), read.bytes);
      while (const auto message = decoder_.Next(bytes)) {
        got_.emplace_back(dns::ConstHeader(message->data()).id(),
                          dns::ConstHeader(message->data()).rcode());
      }
    }
  }
  void OnWriteProgress() override {}
  void OnBroken(int) override { broken_ = true; }

  static std::string Message(uint16_t id) {
    std::string text("\0\0\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", 19);
    text[0] = static_cast<char>(id >> 8);
    text[1] = static_cast<char>(id);
    return text;
  }
  bool Ask(uint16_t id) {
    const std::string text = Message(id);
    PacketBuffer bytes = pool_.Get(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return stream_.QueueMessage(std::move(bytes), text.size());
  }
  void Exchange() {
    ASSERT_EQ(stream_.Flush(), Stream::FlushStatus::kDone);
    stream_.below().OnReadable();
    stream_.below().OnReadable();
  }

  PacketPool pool_;
  FrameDecoder decoder_{pool_};
  Loop loop_;
  DohStream stream_;
  Server* server_;
  std::vector<std::pair<uint16_t, dns::RCode>> got_;
  bool ended_ = false;
  bool broken_ = false;
};

TEST_F(DohStreamTest, AMessageQueuedBeforeTheConnectionIsOpenBecomesAPost) {
  stream_.SetOrigin({*Address::Parse("192.0.2.7:4242", 0), "dns-over-udp"});
  ASSERT_TRUE(Ask(7));
  ASSERT_TRUE(Ask(8));
  EXPECT_TRUE(server_->headers.empty());
  stream_.below().OnConnected();
  Exchange();
  auto& first = server_->headers[1];
  EXPECT_EQ(first[":method"], "POST");
  EXPECT_EQ(first[":path"], "/q");
  EXPECT_EQ(first[":authority"], "dns.example");
  EXPECT_EQ(first["content-type"], "application/dns-message");
  EXPECT_EQ(first["x-forwarded-for"], "192.0.2.7");
  EXPECT_EQ(first["x-forwarded-port"], "4242");
  EXPECT_EQ(first["x-forwarded-proto"], "dns-over-udp");
  EXPECT_EQ(server_->headers[3].count("x-forwarded-for"), 0u);
  EXPECT_EQ(server_->bodies[1], Message(7));
}

TEST_F(DohStreamTest, AnswersComeAsTheyAreReady) {
  Ask(1);
  Ask(2);
  stream_.below().OnConnected();
  Exchange();
  server_->Answer(3, "200", Message(2));
  Exchange();
  server_->Answer(1, "200", Message(1));
  Exchange();
  EXPECT_THAT(got_, ElementsAre(Pair(2, dns::RCode::kNoError), Pair(1, dns::RCode::kNoError)));
  EXPECT_EQ(stream_.queued_bytes(), 0u);
}

TEST_F(DohStreamTest, WhatHttpFailsIsServfail) {
  for (uint16_t id = 1; id <= 4; ++id) Ask(id);
  stream_.below().OnConnected();
  Exchange();
  server_->Answer(1, "502", Message(1));
  server_->Answer(3, "200", "short");
  server_->Answer(5, "200", Message(3), "text/html");
  nghttp2_submit_rst_stream(server_->session(), NGHTTP2_FLAG_NONE, 7, NGHTTP2_INTERNAL_ERROR);
  Exchange();
  Exchange();
  std::sort(got_.begin(), got_.end());
  EXPECT_THAT(got_, ElementsAre(Pair(1, dns::RCode::kServFail), Pair(2, dns::RCode::kServFail),
                                Pair(3, dns::RCode::kServFail), Pair(4, dns::RCode::kServFail)));
}

TEST_F(DohStreamTest, AServerThatGoesAwayLeavesTheRestToBeAskedAgain) {
  Ask(1);
  Ask(2);
  stream_.below().OnConnected();
  Exchange();
  nghttp2_submit_goaway(server_->session(), NGHTTP2_FLAG_NONE, 1, NGHTTP2_NO_ERROR, nullptr, 0);
  server_->Answer(1, "200", Message(1));
  Exchange();
  Exchange();
  EXPECT_THAT(got_, ElementsAre(Pair(1, dns::RCode::kNoError)));  // and no SERVFAIL for the other
  EXPECT_FALSE(stream_.MayQueue());
  EXPECT_TRUE(ended_);
}

TEST_F(DohStreamTest, AServerThatComplainsEndsTheConnection) {
  Ask(1);
  stream_.below().OnConnected();
  Exchange();
  nghttp2_session_terminate_session(server_->session(), NGHTTP2_PROTOCOL_ERROR);
  Exchange();
  Exchange();
  EXPECT_TRUE(ended_ || broken_);
  EXPECT_FALSE(stream_.MayQueue());
}

}  // namespace
}  // namespace breakwater
