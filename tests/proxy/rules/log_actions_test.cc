#include "proxy/rules/actions/log_actions.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "proxy/rules/log_file.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class LogActionTest : public RuleHarness {
 protected:
  ~LogActionTest() override { std::filesystem::remove(path_); }
  std::string File() const {
    std::ifstream file(path_, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
  }
  LogActionOptions Options() const {
    LogActionOptions options;
    options.path = path_;
    options.binary = false;
    options.buffered = false;
    return options;
  }
  void Log(const ActionPtr& action, std::string_view description) {
    const QueryPtr query = maker_.Make(description);
    query->arrived = context_.now;
    EXPECT_EQ(action->Apply(*query, context_), Flow::kContinue);
  }

  std::string path_ = ::testing::TempDir() + "log_actions_test." + std::to_string(getpid());
};

TEST_F(LogActionTest, ALineNamesClientQuestionAndId) {
  const auto action = MakeLogAction(Options()).value();
  Log(action, "Ab.q AAAA from=192.0.2.1:4711 +id=9942");
  Log(action, R"(x\000\.B.q TYPE65000 from=[::1]:53 +id=1)");
  EXPECT_EQ(File(),
            "Packet from 192.0.2.1:4711 for Ab.q. AAAA with id 9942\n"
            "Packet from [::1]:53 for x\\000\\.B.q. TYPE65000 with id 1\n");
  EXPECT_EQ(action->ToString(), "log to " + path_);
}

TEST_F(LogActionTest, AnAnswersLineTellsTheRcode) {
  const auto action = MakeLogResponseAction(Options()).value();
  const QueryPtr query = maker_.Make("a.b +qr +rcode=3 from=192.0.2.1:4711 +id=5");
  EXPECT_EQ(action->Apply(*query, context_), Flow::kContinue);
  EXPECT_EQ(File(), "Answer to 192.0.2.1:4711 for a.b. A (Non-Existent domain) with id 5\n");
}

TEST_F(LogActionTest, ATimestampStandsInFront) {
  LogActionOptions options = Options();
  options.include_timestamp = true;
  Log(MakeLogAction(options).value(), "a +id=1");
  EXPECT_TRUE(
      std::regex_match(File(), std::regex("\\[[0-9]{10}\\.[0-9]{9}\\] Packet from .* with id 1\n")))
      << File();
}

TEST_F(LogActionTest, BinaryRecordsHaveFixedFields) {
  LogActionOptions options = Options();
  options.binary = true;
  Log(MakeLogAction(options).value(), "tc.x AAAA from=127.0.0.1:41128 +id=0x1234");
  const uint16_t id = 0x1234, type = 28, family = AF_INET;
  std::string expected(reinterpret_cast<const char*>(&id), 2);
  expected += std::string("\2tc\1x\0", 6);
  expected.append(reinterpret_cast<const char*>(&type), 2);
  expected.append(reinterpret_cast<const char*>(&family), 2);
  expected += std::string("\x7f\0\0\1\xa0\xa8", 6);
  EXPECT_EQ(File(), expected);
  options.include_timestamp = true;
  options.append = true;
  Log(MakeLogAction(options).value(), "tc.x AAAA from=127.0.0.1:41128 +id=0x1234");
  EXPECT_EQ(File().size(), 2 * expected.size() + 12);
  EXPECT_EQ(File().substr(expected.size() + 12), expected);
}

TEST_F(LogActionTest, AppendKeepsWhatTheFileHeld) {
  std::ofstream(path_) << "old\n";
  LogActionOptions options = Options();
  options.append = true;
  Log(MakeLogAction(options).value(), "a +id=1");
  EXPECT_EQ(File().substr(0, 10), "old\nPacket");
  Log(MakeLogAction(Options()).value(), "a +id=1");
  EXPECT_EQ(File().substr(0, 6), "Packet");
}

TEST_F(LogActionTest, BufferedRecordsAreWrittenAfterASecondAndAtTheEnd) {
  LogActionOptions options = Options();
  options.buffered = true;
  auto action = MakeLogAction(options).value();
  Log(action, "a +id=1");
  const size_t line = File().size();
  Log(action, "a +id=2");
  EXPECT_EQ(File().size(), line);
  Advance(1.5);
  Log(action, "a +id=3");
  EXPECT_EQ(File().size(), 3 * line);
  Log(action, "a +id=4");
  action.reset();
  EXPECT_EQ(File().size(), 4 * line);
}

TEST_F(LogActionTest, AFullDiskIsCountedAndTheQueryGoesOn) {
  LogActionOptions options = Options();
  options.path = "/dev/full";
  const auto action = MakeLogAction(options).value();
  for (int i = 0; i < 3; ++i) Log(action, "a");
  EXPECT_EQ(action->Stats().at("write-errors"), 3);
}

TEST_F(LogActionTest, AFileThatCannotBeOpenedIsAnErrorThatNamesIt) {
  LogActionOptions options = Options();
  options.path = "/nonexistent/file";
  const auto action = MakeLogAction(options);
  ASSERT_FALSE(action.has_value());
  EXPECT_NE(action.error().find("/nonexistent/file"), std::string::npos);
}

TEST_F(LogActionTest, WithoutAPathItIsTheProgramsLog) {
  EXPECT_EQ(MakeLogAction({}).value()->ToString(), "log");
}

}  // namespace
}  // namespace breakwater::test
