// The console protocol against Debian's dnsdist, both ways.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/proxy/console/console_fixture.h"

namespace breakwater::test {
namespace {

constexpr const char* kDnsdist = "/usr/bin/dnsdist";

class DnsdistConsoleTest : public ConsoleFixture {
 protected:
  void SetUp() override {
    if (access(kDnsdist, X_OK) != 0) GTEST_SKIP() << "dnsdist is not installed";
    char pattern[] = "/tmp/bw-console-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  ~DnsdistConsoleTest() override {
    if (child_ > 0) {
      kill(child_, SIGTERM);
      waitpid(child_, nullptr, 0);
    }
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  std::string WriteConfig(const Address& console, const std::string& more) {
    const std::string path = directory_ + "/dnsdist.conf";
    std::ofstream(path) << fmt::format("controlSocket('{}')\nsetKey('{}')\n{}",
                                       console.ToStringWithPort(), base64_key_, more);
    return path;
  }
  static std::string OutputOf(const std::string& command) {
    std::string output;
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[4096];
    size_t got = 0;
    while ((got = fread(buffer, 1, sizeof(buffer), pipe)) > 0) output.append(buffer, got);
    pclose(pipe);
    return output;
  }
  static Address FreeAddress() {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
    Address address = *Address::Parse("127.0.0.1:0");
    EXPECT_EQ(bind(fd.get(), address.sockaddr_ptr(), address.sockaddr_length()), 0);
    socklen_t size = Address::kCapacity;
    getsockname(fd.get(), address.mutable_sockaddr(), &size);
    return address;
  }
  void StartDnsdist(const std::string& config) {
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ > 0) return;
    const int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execl(kDnsdist, kDnsdist, "-C", config.c_str(), "--supervised", "--disable-syslog",
          static_cast<char*>(nullptr));
    _exit(127);
  }
  // Until the server has opened its console, at most ten seconds.
  static TextResult<ControlClient> ConnectWhenReady(const ControlClientSettings& settings) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (true) {
      auto client = ControlClient::Connect(settings);
      if (client || std::chrono::steady_clock::now() > end) return client;
      std::this_thread::yield();
    }
  }

  std::string directory_;
  pid_t child_ = -1;
};

TEST_F(DnsdistConsoleTest, ItsClientRunsACommandHere) {
  Serve();
  const std::string config = WriteConfig(address_, "");
  const std::string output =
      OutputOf(fmt::format("{} -C {} -e 'showServers()' 2>&1", kDnsdist, config));
  EXPECT_EQ(output, "ran showServers()\n");
}

TEST_F(DnsdistConsoleTest, ItsClientSendsSeveralLinesHere) {
  Serve();
  const std::string config = WriteConfig(address_, "");
  const std::string output = OutputOf(fmt::format(
      "printf 'one()\\ntwo()\\n' | HOME={} {} -C {} -c 2>&1", directory_, kDnsdist, config));
  EXPECT_NE(output.find("ran one()\n"), std::string::npos) << output;
  EXPECT_NE(output.find("ran two()\n"), std::string::npos) << output;
}

TEST_F(DnsdistConsoleTest, OurClientRunsCommandsThere) {
  Address dns = FreeAddress();
  const Address console = FreeAddress();
  StartDnsdist(WriteConfig(console, fmt::format("setLocal('{}')\n", dns.ToStringWithPort())));
  auto client = ConnectWhenReady({.server = console, .key = runner_.config_->settings.console_key});
  ASSERT_TRUE(client) << client.error();
  EXPECT_EQ(client->Execute("showVersion()").value().substr(0, 8), "dnsdist ");
  EXPECT_EQ(client->Execute("1 + 1").value(), "2\n");
  EXPECT_TRUE(client->Execute("noSuchFunction()").value().starts_with("Error"));
  const auto names = client->Names();
  EXPECT_NE(std::find(names.begin(), names.end(), "newServer("), names.end());
}

}  // namespace
}  // namespace breakwater::test
