// A console server on its own loop and thread, in front of a runner that answers by itself.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "proxy/console/control_client.h"
#include "proxy/console/control_server.h"

namespace breakwater::test {

class EchoRunner : public CommandRunner {
 public:
  std::string RunCommand(std::string_view line) override {
    ++ran_;
    ran_.notify_all();
    if (line == "wait") released_.get_future().wait();
    if (line == "big") return std::string(3'000'000, 'b');
    return "ran " + std::string(line) + "\n";
  }
  void StopCommandOf(pthread_t) override {
    if (!stopped_.exchange(true)) Release();  // as Lua would fail, so "wait" ends
  }
  std::vector<std::string> Complete(std::string_view) override { return {}; }
  std::optional<WebResponse> AnswerPage(const WebRequest&) override { return {}; }
  ConfigPtr CurrentConfig() const override { return config_; }

  void Release() { released_.set_value(); }
  std::atomic<bool> stopped_{false};
  std::atomic<int> ran_{0};
  std::shared_ptr<Config> config_ = std::make_shared<Config>();

 private:
  std::promise<void> released_;
};

class ConsoleFixture : public testing::Test {
 protected:
  ConsoleFixture() {
    base64_key_ = MakeConsoleKey();
    runner_.config_->settings.console_key = DecodeConsoleKey(base64_key_).value();
    EXPECT_TRUE(runner_.config_->console_acl.Add("127.0.0.1"));
  }
  ~ConsoleFixture() override {
    if (!thread_.joinable()) return;
    loop_.Stop();
    thread_.join();
    server_.reset();
  }

  void Serve() {
    server_ = std::make_unique<ControlServer>(loop_, runner_);
    const auto started = server_->Start(*Address::Parse("127.0.0.1:0"));
    ASSERT_TRUE(started) << started.error();
    address_ = server_->address();
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ControlClientSettings ClientSettings() const {
    return {.server = address_, .key = runner_.config_->settings.console_key};
  }

  EchoRunner runner_;
  std::string base64_key_;
  Loop loop_;
  std::unique_ptr<ControlServer> server_;
  Address address_;
  std::thread thread_;
};

}  // namespace breakwater::test
