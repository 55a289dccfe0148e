#include "proxy/base/log.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include "proxy/base/journal.h"
#include "proxy/base/log_stamp.h"

namespace breakwater {
namespace {

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(VerboseLogFile, TakesVerboseLinesAndNoOthers) {
  char path[] = "/tmp/breakwater_log_XXXXXX";
  close(mkstemp(path));
  const LogSettings before = GetLogSettings();
  SetLogSettings({.structured = false, .verbose = true});
  ASSERT_TRUE(SetVerboseLogFile(path));
  LogDebug("test", "one");
  LogInfo("test", "two");
  ASSERT_TRUE(SetVerboseLogFile(""));
  LogDebug("test", "three");
  SetLogSettings(before);
  EXPECT_EQ(Content(path), "one\n");
  unlink(path);
}

TEST(StructuredLines, AreObjectsOfJsonWhereAskedForWhateverTheTextHolds) {
  const LogSettings before = GetLogSettings();
  SetLogSettings({.format = StructuredFormat::kJson});
  testing::internal::CaptureStderr();
  LogWarning("test", "a \"b\" \\ {}", "\n\xc3\xa9\xc3");
  const std::string json = testing::internal::GetCapturedStderr();
  SetLogSettings({});
  testing::internal::CaptureStdout();
  LogWarning("test", "c");
  const std::string pairs = testing::internal::GetCapturedStdout();
  SetLogSettings(before);
  EXPECT_THAT(json, testing::StartsWith(R"({"level": "0", "msg": "a \"b\" \\ \né�", "priority": )"
                                        R"("4", "subsystem": "test", "ts": ")"));
  EXPECT_THAT(json, testing::EndsWith("\"}\n"));
  EXPECT_THAT(pairs, testing::StartsWith("msg=\"c\" subsystem=\"test\""));
}

TEST(StructuredLines, TellTheInstanceAndTheDateWhereAskedFor) {
  const LogSettings before = GetLogSettings();
  SetLogStamp({LogTimeFormat::kIso8601, true, "a \"b\""});
  SetLogSettings({});
  testing::internal::CaptureStdout();
  LogWarning("test", "c");
  const std::string pairs = testing::internal::GetCapturedStdout();
  SetLogSettings({.format = StructuredFormat::kJson});
  testing::internal::CaptureStderr();
  LogWarning("test", "c");
  const std::string json = testing::internal::GetCapturedStderr();
  const std::string fields = JournalFields(LogLevel::kInfo, "test", "c", {});
  SetLogSettings(before);
  SetLogStamp({});
  const std::string date = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9]{4}";
  EXPECT_THAT(pairs,
              testing::ContainsRegex("prio=\"Warning\" instance=\"a .\"b.\"\" ts=\"" + date));
  EXPECT_THAT(json, testing::StartsWith(R"({"instance": "a \"b\"", "level")"));
  EXPECT_THAT(json, testing::ContainsRegex("\"ts\": \"" + date));
  EXPECT_THAT(fields, testing::ContainsRegex("INSTANCE=a \"b\"\nTIMESTAMP=" + date));
}

// The standard output is something else while this lives.
class OutputTo {
 public:
  explicit OutputTo(int fd) : before_(dup(STDOUT_FILENO)) { dup2(fd, STDOUT_FILENO); }
  ~OutputTo() {
    dup2(before_, STDOUT_FILENO);
    close(before_);
  }

 private:
  int before_;
};

// All that is in it, without a wait for more.
std::string Drain(int fd) {
  std::string all, some(4096, ' ');
  for (;;) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 0) != 1) return all;
    const ssize_t size = read(fd, some.data(), some.size());
    if (size <= 0) return all;
    all.append(some, 0, static_cast<size_t>(size));
  }
}

TEST(StandardOutput, ThatNobodyReadsLosesLinesAndHoldsNobodyUp) {
  const LogSettings before = GetLogSettings();
  SetLogSettings({.structured = false});
  int ends[2];
  for (const bool is_socket : {false, true}) {
    ASSERT_EQ(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
    const std::string text(999, 'x');
    const uint64_t lost = LostLogLines();
    {
      const OutputTo other(ends[1]);
      for (int i = 0; i < 2000; ++i) LogInfo("test", "{}", text);
    }
    const std::string all = Drain(ends[0]);
    const size_t lines = all.size() / 1000;
    EXPECT_GT(lines, 10U);
    EXPECT_EQ(all.size() % 1000, 0U) << "whole lines";
    EXPECT_EQ(LostLogLines() - lost, 2000 - lines);
    {
      const OutputTo other(ends[1]);
      LogInfo("test", "{}", std::string(10'000, 'y'));  // takes a pipe several pieces
    }
    EXPECT_EQ(Drain(ends[0]), std::string(10'000, 'y') + "\n");
    close(ends[0]);
    close(ends[1]);
  }
  SetLogSettings(before);
}

TEST(VerboseLogFile, OneThatCannotBeOpenedIsAnErrorWithItsPath) {
  const auto opened = SetVerboseLogFile("/none/there");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), testing::HasSubstr("\"/none/there\""));
}

}  // namespace
}  // namespace breakwater
