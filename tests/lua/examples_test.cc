#include <filesystem>

#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

class ExamplesTest : public LuaTest {};

TEST_F(ExamplesTest, EveryExampleIsReadWithoutAWarning) {
  std::filesystem::current_path(BW_SOURCE_DIR);  // the quickstart names its zone files from there
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BW_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".conf") continue;
    ++count;
    EXPECT_EQ(TryLoadFile(entry.path(), {.check = true, .strict = true}), "") << entry.path();
    if (!configuration_) continue;
    for (const std::string& warning : configuration_->warnings()) {
      // The zone files of the example are not on this machine.
      EXPECT_NE(warning.find("the directory '/var/lib/breakwater/"), std::string::npos) << warning;
    }
    EXPECT_TRUE(config()->settings.strict) << entry.path();
  }
  EXPECT_GE(count, 5);
}

// Files of tests/lua_api are configurations that check themselves with assert().
TEST_F(ExamplesTest, EveryFileOfTheInterfaceTestsHolds) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BW_SOURCE_DIR "/tests/lua_api")) {
    if (entry.path().extension() != ".lua") continue;
    ++count;
    EXPECT_EQ(TryLoadFile(entry.path()), "") << entry.path();
  }
  EXPECT_GE(count, 1);
}

}  // namespace
}  // namespace breakwater::lua
