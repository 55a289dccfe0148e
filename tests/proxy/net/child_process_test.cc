#include "proxy/net/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

namespace breakwater {
namespace {

class ChildProcessTest : public testing::Test {
 protected:
  ChildProcessTest() {
    char pattern[] = "/tmp/bw-child-XXXXXX";
    close(mkstemp(pattern));
    path_ = pattern;
  }
  ~ChildProcessTest() override { unlink(path_.c_str()); }

  ChildSettings Shell(const std::string& script) {
    return {.command = {"/bin/sh", "-c", script, "sh", path_},
            .time_limit = MonoTime::FromSeconds(30)};
  }
  ChildEnd Run(const ChildSettings& settings) {
    std::optional<ChildEnd> end;
    auto child = ChildProcess::Start(loop_, settings, [&](const ChildEnd& how) {
      end = how;
      loop_.Stop();
    });
    EXPECT_TRUE(child) << child.error();
    if (child) loop_.Run();
    return end.value_or(ChildEnd{.exit_status = -1});
  }
  std::string Written() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  Loop loop_;
  std::string path_;
};

TEST_F(ChildProcessTest, ReadsItsInputAndEnvironmentAndTellsItsStatus) {
  ChildSettings settings = Shell("cat > $1; echo $NEW >> $1; exit 3");
  settings.environment = {"NEW=value"};
  settings.input = std::string(1 << 20, 'x') + "\n";
  const ChildEnd end = Run(settings);
  EXPECT_EQ(end.exit_status, 3);
  EXPECT_FALSE(end.Succeeded());
  EXPECT_EQ(end.ToString(), "ended with status 3");
  EXPECT_EQ(Written(), settings.input + "value\n");
}

TEST_F(ChildProcessTest, KeepsWordsApartForThereIsNoShell) {
  const ChildEnd end = Run({.command = {"/usr/bin/test", "a b; $(c) *", "=", "a b; $(c) *"},
                            .time_limit = MonoTime::FromSeconds(30)});
  EXPECT_TRUE(end.Succeeded()) << end.ToString();
}

TEST_F(ChildProcessTest, InheritsNoDescriptorAndNoBlockedSignal) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  // Far from the numbers a shell keeps for itself.
  const int opened = open("/dev/null", O_RDONLY);
  const int leak = fcntl(opened, F_DUPFD, 200);
  close(opened);
  ASSERT_GE(leak, 200);
  (void)Run(Shell("ls /proc/$$/fd > $1; exec grep -E 'Sig(Blk|Ign)' /proc/self/status >> $1"));
  close(leak);
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  const std::string seen = Written();
  EXPECT_EQ(seen.find("\n" + std::to_string(leak) + "\n"), std::string::npos) << seen;
  const auto signals = [&](const std::string& which) {
    const size_t at = seen.find(which + ":\t");
    return at == std::string::npos ? ~0ull
                                   : std::stoull(seen.substr(at + which.size() + 2), nullptr, 16);
  };
  EXPECT_EQ(signals("SigBlk"), 0u) << seen;
  EXPECT_EQ(signals("SigIgn") >> (SIGPIPE - 1) & 1, 0u) << seen;
}

TEST_F(ChildProcessTest, IsKilledWithItsChildrenWhenItsTimeIsOver) {
  ChildSettings settings = Shell("sleep 1000 & echo $! > $1; wait");
  settings.time_limit = MonoTime::FromMs(300);
  const ChildEnd end = Run(settings);
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.ToString(), "took too long and was killed");
  const int grandchild = std::atoi(Written().c_str());
  ASSERT_GT(grandchild, 0);
  // A zombie at most, until init has buried it.
  std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
  std::string text;
  std::getline(stat, text);
  EXPECT_TRUE(text.empty() || text.find(") S ") == std::string::npos) << text;
}

TEST_F(ChildProcessTest, ThatCannotBeStartedIsNamed) {
  const auto child = ChildProcess::Start(
      loop_, {.command = {"/nonexistent/program"}, .time_limit = MonoTime::FromSeconds(1)},
      [](const ChildEnd&) {});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error(), "cannot run /nonexistent/program: No such file or directory");
}

TEST_F(ChildProcessTest, IsKilledWithItsOwner) {
  auto child = ChildProcess::Start(loop_, Shell("exec sleep 1000"),
                                   [](const ChildEnd&) { FAIL() << "nobody is there to be told"; });
  ASSERT_TRUE(child) << child.error();
  const pid_t pid = (*child)->pid();
  child->reset();
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace breakwater
