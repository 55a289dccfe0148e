#include "proxy/base/log.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

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

TEST(VerboseLogFile, OneThatCannotBeOpenedIsAnErrorWithItsPath) {
  const auto opened = SetVerboseLogFile("/none/there");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), testing::HasSubstr("\"/none/there\""));
}

}  // namespace
}  // namespace breakwater
