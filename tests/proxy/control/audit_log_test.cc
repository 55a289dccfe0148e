#include "proxy/control/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace breakwater {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::EndsWith;
using testing::MatchesRegex;

TEST(AuditValue, IsBareWherePlainAndQuotedWhereNot) {
  EXPECT_EQ(AuditValue("example.com"), "example.com");
  EXPECT_EQ(AuditValue(""), "\"\"");
  EXPECT_EQ(AuditValue("a b=c"), "\"a b=c\"");
  EXPECT_EQ(AuditValue("a\" outcome=ok"), "\"a\\x22 outcome=ok\"");
  EXPECT_EQ(AuditValue("x\n2026 uid=0\r\t\x1b[2J\x7f\\"),
            "\"x\\x0a2026 uid=0\\x0d\\x09\\x1b[2J\\x7f\\x5c\"");
  EXPECT_EQ(AuditValue("\xc3\xa9"), "\"\\xc3\\xa9\"");
}

TEST(AuditValue, IsCutWhereLong) {
  EXPECT_EQ(AuditValue(std::string(2000, 'x')), '"' + std::string(1100, 'x') + "\"+900");
  // An escaped name never is, nor is what a list flushes.
  const std::string name = std::string(1004, '\\');
  EXPECT_EQ(AuditValue(name).size(), 2 + 4 * name.size());
  const std::string lines(5000, 'x');
  EXPECT_EQ(AuditArguments({{"lines", lines}}), " lines=" + lines);
}

TEST(AuditArguments, ShowEverythingButTheToken) {
  EXPECT_EQ(AuditArguments(json::parse(
                R"({"command":"flush","token":"secret","name":"a b","suffix":true,"id":7})")),
            " id=7 name=\"a b\" suffix=true");
  EXPECT_EQ(AuditArguments(json::parse(R"({"names":["a","b\n"]})")),
            " names=\"[\\x22a\\x22,\\x22b\\x5cn\\x22]\"");
}

TEST(AuditArguments, AreBounded) {
  json many;
  for (int i = 0; i < 1000; ++i) many["member" + std::to_string(i)] = std::string(300, 'x');
  EXPECT_LT(AuditArguments(many).size(), 2000u);
}

class AuditLogFile : public testing::Test {
 protected:
  AuditLogFile() {
    char pattern[] = "/tmp/bw-audit-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/audit.log";
  }
  ~AuditLogFile() override { fs::remove_all(directory_); }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::string directory_;
  std::string path_;
  AuditLog log_;
};

TEST_F(AuditLogFile, GetsALineEachWithTheTime) {
  std::ofstream(path_) << "before\n";
  ASSERT_TRUE(log_.Open(path_));
  log_.Write("one", AuditLog::Level::kDone);
  log_.Write("two", AuditLog::Level::kRefused);
  EXPECT_THAT(Read(path_), MatchesRegex("before\n[-0-9]+T[0-9:]+Z one\n[-0-9]+T[0-9:]+Z two\n"));
}

TEST_F(AuditLogFile, IsNotForEverybodysEyes) {
  ASSERT_TRUE(log_.Open(path_));
  EXPECT_EQ(fs::status(path_).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(AuditLogFile, IsMadeAnewOnceItWasMovedAway) {
  ASSERT_TRUE(log_.Open(path_));
  log_.Write("one", AuditLog::Level::kDone);
  fs::rename(path_, path_ + ".1");
  log_.Write("two", AuditLog::Level::kDone);
  EXPECT_THAT(Read(path_ + ".1"), EndsWith("Z one\n"));
  EXPECT_THAT(Read(path_), EndsWith("Z two\n"));
}

TEST_F(AuditLogFile, LosesNothingWhereItCannotBeMadeAnew) {
  ASSERT_TRUE(log_.Open(path_));
  fs::rename(path_, path_ + ".1");
  fs::create_directory(path_);
  log_.Write("one", AuditLog::Level::kDone);
  EXPECT_THAT(Read(path_ + ".1"), EndsWith("Z one\n"));
}

TEST_F(AuditLogFile, ThatCannotBeOpenedIsNamed) {
  const auto opened = log_.Open(directory_ + "/none/audit.log");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("/none/audit.log: No such file"), std::string::npos);
}

TEST(AuditLog, WithoutAPathGoesToTheLog) {
  AuditLog log;
  ASSERT_TRUE(log.Open(""));
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  log.Write("uid=7 outcome=ok", AuditLog::Level::kDone);
  const std::string written =
      testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout();
  EXPECT_NE(written.find("audit: uid=7 outcome=ok"), std::string::npos) << written;
}

}  // namespace
}  // namespace breakwater
