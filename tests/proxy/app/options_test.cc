#include "proxy/options.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

TextResult<Options> Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "breakwater");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return ParseOptions(static_cast<int>(words.size()), argv.data());
}

TEST(OptionsTest, NoWordsMeansServingWithTheDefaultConfiguration) {
  const auto options = Parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->mode, RunMode::kServe);
  EXPECT_TRUE(options->config_path.empty());
}

TEST(OptionsTest, RepeatableFlagsAreCollected) {
  const auto options = Parse({"-l", "127.0.0.1:53", "--local", "[::1]:53", "-a", "192.0.2.0/24",
                              "--acl", "2001:db8::/32", "192.0.2.1"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->locals, (std::vector<std::string>{"127.0.0.1:53", "[::1]:53"}));
  EXPECT_EQ(options->acls, (std::vector<std::string>{"192.0.2.0/24", "2001:db8::/32"}));
  EXPECT_EQ(options->servers, (std::vector<std::string>{"192.0.2.1"}));
}

TEST(OptionsTest, TheConsoleAddressMayBeAWordOfItsOwn) {
  const auto options = Parse({"-c", "127.0.0.1:5199", "-k", "a2V5", "-e", "showServers()"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->mode, RunMode::kClient);
  EXPECT_EQ(options->client_address, "127.0.0.1:5199");
  EXPECT_EQ(options->execute, "showServers()");
}

TEST(OptionsTest, ExecuteAloneIsAClient) {
  EXPECT_EQ(Parse({"-e", "showVersion()"})->mode, RunMode::kClient);
}

TEST(OptionsTest, StructuredLoggingIsTrueInAnyCaseAndOffOtherwise) {
  EXPECT_EQ(Parse({"--structured-logging", "TRUE"})->structured_logging, true);
  EXPECT_EQ(Parse({"--structured-logging", "no"})->structured_logging, false);
  EXPECT_FALSE(Parse({})->structured_logging.has_value());
}

TEST(OptionsTest, AnUnknownFlagIsNamed) {
  const auto options = Parse({"--no-such-flag"});
  ASSERT_FALSE(options);
  EXPECT_NE(options.error().find("--no-such-flag"), std::string::npos);
}

TEST(OptionsTest, AnUnknownLogBackendIsRefused) {
  EXPECT_FALSE(Parse({"--structured-logging-backend", "paper"}));
}

TEST(OptionsTest, TheHelpNamesEveryLongFlag) {
  const std::string help = HelpText();
  for (const char* flag :
       {"--acl", "--check-config", "--client", "--config", "--disable-syslog", "--execute", "--gid",
        "--help", "--local", "--log-timestamps", "--setkey", "--strict", "--structured-logging",
        "--supervised", "--uid", "--verbose", "--version"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace breakwater
