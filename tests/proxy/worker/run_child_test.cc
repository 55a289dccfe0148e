#include "proxy/worker/run_child.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <csignal>
#include <thread>

#include "proxy/base/unique_fd.h"

namespace breakwater {
namespace {

class ChildProcessTest : public testing::Test {
 protected:
  // What it prints, or "! " and how it failed.
  std::string Run(const std::vector<std::string>& argv) {
    output_.clear();
    const auto ran = RunChild(argv, limits_, [this](std::string_view bytes) { output_ += bytes; });
    return ran ? output_ : "! " + ran.error();
  }
  std::string Shell(const std::string& script) { return Run({"/bin/sh", "-c", script}); }

  ChildLimits limits_;
  std::string output_;
};

TEST_F(ChildProcessTest, WordsReachTheProgramAsTheyAre) {
  EXPECT_EQ(Run({"/bin/echo", "a b", "$HOME;*", ""}), "a b $HOME;* \n");
}

TEST_F(ChildProcessTest, SaysHowItFailed) {
  EXPECT_EQ(Shell("echo a; exit 3"), "! it exited with status 3");
  EXPECT_EQ(output_, "a\n");
  EXPECT_EQ(Shell("kill -9 $$"), "! it was ended by signal 9");
  EXPECT_EQ(Run({"/nonexistent/program"}), "! it cannot be run: No such file or directory");
  EXPECT_EQ(Run({"/etc/passwd"}), "! it cannot be run: Permission denied");
}

TEST_F(ChildProcessTest, ItsInputIsEmptyAndOurDescriptorsAreNotItsOwn) {
  EXPECT_EQ(Run({"/bin/cat"}), "");
  const int open = dup(0);
  EXPECT_EQ(Shell("ls /proc/self/fd | wc -l"), "4\n");  // 0, 1, 2, and the directory
  close(open);
}

TEST_F(ChildProcessTest, SignalsThatWeBlockOrIgnoreEndIt) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);
  EXPECT_EQ(Shell("kill -TERM $$; echo still here"), "! it was ended by signal 15");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(ChildProcessTest, WhatTakesTooLongIsKilledWithAllThatItBegan) {
  limits_.timeout = MonoTime::FromMs(100);
  EXPECT_EQ(Shell("echo $$; sleep 1000 & sleep 1000"), "! it took longer than 100 ms");
  EXPECT_NE(output_, "");
  // Nobody of the group is left, once whoever reaps orphans has done so.
  const pid_t group = std::stoi(output_);
  const SystemClock clock;
  const MonoTime end = clock.Now() + MonoTime::FromSeconds(10);
  while (kill(-group, 0) == 0 && clock.Now() < end) std::this_thread::yield();
  EXPECT_NE(kill(-group, 0), 0);
}

TEST_F(ChildProcessTest, WhatPrintsTooMuchIsKilled) {
  limits_.max_output = 100'000;
  EXPECT_EQ(Run({"/usr/bin/yes"}), "! it printed more than 100000 bytes");
  EXPECT_LE(output_.size(), 100'000u);
}

TEST_F(ChildProcessTest, WhatItLeavesBehindIsNotWaitedFor) {
  limits_.timeout = MonoTime::FromSeconds(60);
  const SystemClock clock;
  const MonoTime begin = clock.Now();
  EXPECT_EQ(Shell("echo a; setsid sleep 5 & exit 0"), "a\n");
  EXPECT_LT(clock.Now() - begin, MonoTime::FromSeconds(4));
}

TEST_F(ChildProcessTest, IsEndedWhenTheServerStops) {
  const UniqueFd stop(eventfd(1, EFD_CLOEXEC));
  limits_.stop_fd = stop.get();
  limits_.timeout = MonoTime::FromSeconds(60);
  EXPECT_EQ(Shell("sleep 60"), "! it was stopped with the server");
}

}  // namespace
}  // namespace breakwater
