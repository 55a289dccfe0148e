// A StreamExchange to a nameserver of the test's own.
#pragma once

#include <memory>
#include <string_view>

#include "proxy/backend/stream_exchange.h"
#include "tests/proxy/backend/fake_tcp_server.h"

namespace breakwater::test {

class StreamExchangeTest : public ExchangeFixture {
 protected:
  void Make(const StreamExchangeOptions& options = {}) {
    settings_.address = server_.address();
    backend_ = std::make_shared<Backend>(settings_);
    exchange_ = std::make_unique<StreamExchange>(context_, backend_, options);
  }
  Result<void> Send(uint32_t slot, const Bytes& message) {
    return exchange_->Send(Flight(slot), 0, {message});
  }
  void Ask(uint32_t slot, std::string_view query = "www.example.com A") {
    ASSERT_TRUE(Send(slot, QueryMaker::Message(query)).has_value());
    Settle();
  }
  // Lets what was sent leave: a new connection first has to be open.
  void Settle() {
    for (int i = 0; i < 3; ++i) Turn();
  }
  void Answer(FakeTcpConnection& connection, const Bytes& query) {
    const size_t before = sink_.replies.size();
    connection.Send(ReplyTo(query));
    WaitForReplies(before + 1);
  }
  const BackendCounters& counters() const { return backend_->counters(); }

  BackendSettings settings_;
  FakeTcpServer server_;
  BackendPtr backend_;
  std::unique_ptr<StreamExchange> exchange_;
};

}  // namespace breakwater::test
