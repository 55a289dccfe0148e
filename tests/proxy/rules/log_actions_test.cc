#include "proxy/rules/actions/log_actions.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

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
  LogActionOptions Options(const LogFileOptions& how = {.append = false, .buffered = false}) const {
    LogActionOptions options;
    options.file = LogFile::Open(path_, how).value();
    options.binary = false;
    return options;
  }
  static int BytesIn(const UniqueFd& pipe) {
    int size = 0;
    ioctl(pipe.get(), FIONREAD, &size);
    return size;
  }
  void Log(const ActionPtr& action, std::string_view description) {
    const QueryPtr query = maker_.Make(description);
    query->arrived = context_.now;
    EXPECT_EQ(action->Apply(*query, context_), Flow::kContinue);
  }

  std::string path_ = ::testing::TempDir() + "log_actions_test." + std::to_string(getpid());
};

TEST_F(LogActionTest, ALineNamesClientQuestionAndId) {
  const auto action = MakeLogAction(Options());
  Log(action, "Ab.q AAAA from=192.0.2.1:4711 +id=9942");
  Log(action, R"(x\000\.B.q TYPE65000 from=[::1]:53 +id=1)");
  EXPECT_EQ(File(),
            "Packet from 192.0.2.1:4711 for Ab.q. AAAA with id 9942\n"
            "Packet from [::1]:53 for x\\000\\.B.q. TYPE65000 with id 1\n");
  EXPECT_EQ(action->ToString(), "log to " + path_);
}

TEST_F(LogActionTest, AnAnswersLineTellsTheRcode) {
  const auto action = MakeLogResponseAction(Options());
  const QueryPtr query = maker_.Make("a.b +qr +rcode=3 from=192.0.2.1:4711 +id=5");
  EXPECT_EQ(action->Apply(*query, context_), Flow::kContinue);
  EXPECT_EQ(File(), "Answer to 192.0.2.1:4711 for a.b. A (Non-Existent domain) with id 5\n");
}

TEST_F(LogActionTest, ATimestampStandsInFront) {
  LogActionOptions options = Options();
  options.include_timestamp = true;
  Log(MakeLogAction(options), "a +id=1");
  EXPECT_TRUE(
      std::regex_match(File(), std::regex("\\[[0-9]{10}\\.[0-9]{9}\\] Packet from .* with id 1\n")))
      << File();
}

TEST_F(LogActionTest, EveryLineAboutAQueryHasTheSameTime) {
  LogActionOptions options = Options();
  options.include_timestamp = true;
  const QueryPtr query = maker_.Make("a +id=1");
  query->arrived = SystemClock().Now();
  context_.now = query->arrived;
  const ActionPtr action = MakeLogAction(options);
  // A rule in between took its time; the clock of the turn does not know.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(action->Apply(*query, context_), Flow::kContinue);
  EXPECT_EQ(MakeLogResponseAction(options)->Apply(*query, context_), Flow::kContinue);
  std::set<std::string> times;
  std::istringstream lines(File());
  for (std::string time, rest; lines >> time && std::getline(lines, rest);) times.insert(time);
  EXPECT_EQ(times.size(), 1U) << File();
}

TEST_F(LogActionTest, BinaryRecordsHaveFixedFields) {
  LogActionOptions options = Options();
  options.binary = true;
  Log(MakeLogAction(options), "tc.x AAAA from=127.0.0.1:41128 +id=0x1234");
  const uint16_t type = 28, family = AF_INET;
  std::string expected("\x12\x34");
  expected += std::string("\2tc\1x\0", 6);
  expected.append(reinterpret_cast<const char*>(&type), 2);
  expected.append(reinterpret_cast<const char*>(&family), 2);
  expected += std::string("\x7f\0\0\1\xa0\xa8", 6);
  EXPECT_EQ(File(), expected);
  options = Options({.append = true, .buffered = false});
  options.binary = true;
  options.include_timestamp = true;
  Log(MakeLogAction(options), "tc.x AAAA from=127.0.0.1:41128 +id=0x1234");
  EXPECT_EQ(File().size(), 2 * expected.size() + 12);
  EXPECT_EQ(File().substr(expected.size() + 12), expected);
}

TEST_F(LogActionTest, AppendKeepsWhatTheFileHeld) {
  std::ofstream(path_) << "old\n";
  const LogActionOptions options = Options({.append = true, .buffered = false});
  Log(MakeLogAction(options), "a +id=1");
  EXPECT_EQ(File().substr(0, 10), "old\nPacket");
  Log(MakeLogAction(Options()), "a +id=1");
  EXPECT_EQ(File().substr(0, 6), "Packet");
}

TEST_F(LogActionTest, BufferedRecordsAreWrittenAfterASecondAndAtTheEnd) {
  auto action = MakeLogAction(Options({.append = false, .buffered = true}));
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
  LogActionOptions options;
  options.file = LogFile::Open("/dev/full", {.append = false, .buffered = false}).value();
  const auto action = MakeLogAction(options);
  for (int i = 0; i < 3; ++i) Log(action, "a");
  EXPECT_EQ(action->Stats().at("write-errors"), 3);
  options.file->Count(counters_);
  options.file->Count(counters_);
  EXPECT_EQ(counters_.Get(Metric::kLogFileErrors), 3U);
}

TEST_F(LogActionTest, AFileThatWasMovedAwayIsMadeAnewByReload) {
  const std::string old = path_ + ".1";
  const auto action = MakeLogAction(Options({.append = false, .buffered = true}));
  Log(action, "a +id=1");
  std::filesystem::rename(path_, old);
  Log(action, "a +id=2");
  ASSERT_TRUE(action->Reload());
  Log(action, "a +id=3");
  ASSERT_TRUE(action->Reload());  // the same file: nothing in it is lost
  EXPECT_EQ(File(), "Packet from 192.0.2.53:5353 for a. A with id 3\n");
  std::ifstream before(old);
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(before), {}, '\n'), 2);
  std::filesystem::remove(old);
}

TEST_F(LogActionTest, WhereTheFileCannotBeOpenedAnewTheOldOneIsWritten) {
  const std::string folder = path_ + ".folder", old = folder + "/file";
  std::filesystem::create_directory(folder);
  LogActionOptions options;
  options.file = LogFile::Open(old, {.append = false, .buffered = false}).value();
  const auto action = MakeLogAction(options);
  std::filesystem::rename(folder, folder + ".1");
  const auto reloaded = action->Reload();
  ASSERT_FALSE(reloaded);
  EXPECT_NE(reloaded.error().find(old), std::string::npos);
  Log(action, "a +id=1");
  EXPECT_GT(std::filesystem::file_size(folder + ".1/file"), 0U);
  EXPECT_EQ(action->Stats().at("write-errors"), 1);
  std::filesystem::remove_all(folder + ".1");
}

TEST_F(LogActionTest, AThreadWritesWhatRecordsWaitAndTheRestAtTheEnd) {
  auto file = LogFile::Open(path_, {.append = false, .buffered = true}).value();
  file->Start();
  EXPECT_FALSE(file->Ended());
  const std::string record(1000, 'x');
  for (int i = 0; i < 100; ++i) file->Write(record, context_.now);
  file.reset();
  EXPECT_EQ(File().size(), 100'000U);
}

TEST_F(LogActionTest, APipeThatNobodyReadsHoldsUpNeitherReloadNorTheEnd) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const auto unread = LogFile::Open(path_, {});
  ASSERT_FALSE(unread);
  EXPECT_NE(unread.error().find("no program reads that pipe"), std::string::npos);
  const UniqueFd reader(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const std::string record(1000, 'x');
  auto file = LogFile::Open(path_, {.append = false, .buffered = false}).value();
  file->Start();
  for (int i = 0; i < 500; ++i) file->Write(record, context_.now);
  while (BytesIn(reader) < 60'000) std::this_thread::yield();  // the thread has met the end of it
  EXPECT_TRUE(file->OpenAnew());
  for (int i = 0; i < 500; ++i) file->Write(record, context_.now);
  EXPECT_TRUE(file->OpenAnew());
  file.reset();
  EXPECT_GE(BytesIn(reader), 60'000);
}

TEST_F(LogActionTest, APipeThatIsReadLateGetsAll) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const UniqueFd reader(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  auto file = LogFile::Open(path_, {.append = false, .buffered = false}).value();
  file->Start();
  const std::string record(1000, 'x');
  for (int i = 0; i < 500; ++i) file->Write(record, context_.now);
  std::string buffer(4096, ' ');
  for (size_t read_so_far = 0; read_so_far < 500'000;) {
    const ssize_t size = read(reader.get(), buffer.data(), buffer.size());
    if (size > 0) read_so_far += static_cast<size_t>(size);
  }
  EXPECT_EQ(file->write_errors(), 0U);
}

TEST_F(LogActionTest, MoreThanMayWaitIsLostAndCounted) {
  auto file = LogFile::Open(path_, {.append = false, .buffered = true}).value();
  file->Write(std::string(LogFile::kMostWaiting + 1, 'x'), context_.now);
  EXPECT_EQ(file->write_errors(), 1U);
  file->Write("y", context_.now);
  file.reset();
  EXPECT_EQ(File(), "y");
}

TEST_F(LogActionTest, ACheckMakesAndEmptiesNoFile) {
  EXPECT_TRUE(LogFile::Check(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::ofstream(path_) << "old\n";
  EXPECT_TRUE(LogFile::Check(path_));
  EXPECT_EQ(File(), "old\n");
  EXPECT_FALSE(LogFile::Check("/nonexistent/file"));
}

TEST_F(LogActionTest, AFileThatCannotBeOpenedIsAnErrorThatNamesIt) {
  const auto file = LogFile::Open("/nonexistent/file", {});
  ASSERT_FALSE(file.has_value());
  EXPECT_NE(file.error().find("/nonexistent/file"), std::string::npos);
}

TEST_F(LogActionTest, WithoutAPathItIsTheProgramsLog) {
  EXPECT_EQ(MakeLogAction({})->ToString(), "log");
}

}  // namespace
}  // namespace breakwater::test
