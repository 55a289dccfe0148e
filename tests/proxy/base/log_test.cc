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

TEST(VerboseLogFile, OneThatCannotBeOpenedIsAnErrorWithItsPath) {
  const auto opened = SetVerboseLogFile("/none/there");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), testing::HasSubstr("\"/none/there\""));
}

}  // namespace
}  // namespace breakwater
