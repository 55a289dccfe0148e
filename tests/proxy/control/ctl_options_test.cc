#include "proxy/control/ctl_options.h"

#include <gtest/gtest.h>

#include <sstream>

namespace breakwater {
namespace {

TextResult<CtlOptions> Parse(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return ParseCtlOptions(words);
}

std::string ErrorOf(const std::string& line) {
  const auto options = Parse(line);
  return options ? "accepted" : options.error();
}

TEST(CtlOptions, ReadsTheCommands) {
  EXPECT_EQ(Parse("status")->command, CtlCommand::kStatus);
  EXPECT_EQ(Parse("servers --json")->json, true);
  EXPECT_EQ(Parse("cache stats")->command, CtlCommand::kCacheStats);
  EXPECT_EQ(Parse("certificates reload")->command, CtlCommand::kReloadCertificates);
  EXPECT_EQ(Parse("zones")->command, CtlCommand::kZones);
  EXPECT_TRUE(Parse("zones --bad")->bad_alone);
  EXPECT_EQ(Parse("rules")->socket, kDefaultControlSocket);
  EXPECT_EQ(Parse("--socket /x rules")->socket, "/x");
  EXPECT_EQ(Parse("--socket=/x version")->socket, "/x");
  const auto explain =
      Parse("explain www.example.com MX --client 192.0.2.7 --pool p --tcp --dnssec");
  ASSERT_TRUE(explain) << explain.error();
  EXPECT_EQ(explain->command, CtlCommand::kExplain);
  EXPECT_EQ(explain->type, "MX");
  EXPECT_EQ(explain->client, "192.0.2.7");
  EXPECT_TRUE(explain->pool_set && explain->tcp && explain->dnssec);
  EXPECT_EQ(ErrorOf("explain"), "explain needs a NAME and, if it is not A, a TYPE");
  EXPECT_EQ(ErrorOf("status --tcp"), "--client, --tcp and --dnssec belong to explain");
  EXPECT_EQ(Parse("rules --token-file /t")->token_path, "/t");
  EXPECT_EQ(ErrorOf("rules --token secret"), "unknown option --token");
  EXPECT_EQ(Parse("server a down")->state, "down");
  EXPECT_EQ(Parse("flush --suffix -h")->command, CtlCommand::kHelp);
}

TEST(CtlOptions, ReadsFlushes) {
  const auto flush = Parse("flush example.com --suffix --type A --hard --pool p");
  ASSERT_TRUE(flush) << flush.error();
  EXPECT_EQ(flush->name, "example.com");
  EXPECT_TRUE(flush->suffix);
  EXPECT_TRUE(flush->hard);
  EXPECT_EQ(flush->type, "A");
  EXPECT_EQ(flush->pool, "p");
  const auto list = Parse("flush --list - --rate 500.5");
  ASSERT_TRUE(list) << list.error();
  EXPECT_EQ(list->command, CtlCommand::kFlushList);
  EXPECT_EQ(list->rate, 500.5);
  EXPECT_EQ(Parse("flush undo 17")->first_id, 17u);
  EXPECT_EQ(Parse("flush undo 17-20")->last_id, 20u);
  EXPECT_EQ(Parse("flush undo")->name, "undo");
}

TEST(CtlOptions, SaysWhatIsWrong) {
  EXPECT_EQ(ErrorOf(""), "a command is missing");
  EXPECT_EQ(ErrorOf("restart"), "unknown command 'restart'");
  EXPECT_EQ(ErrorOf("certificates"), "unknown command 'certificates'");
  EXPECT_EQ(ErrorOf("certificates reload all"), "'certificates' takes no argument");
  EXPECT_EQ(ErrorOf("status now"), "'status' takes no argument");
  EXPECT_EQ(ErrorOf("--colour red status"), "unknown option --colour");
  EXPECT_EQ(ErrorOf("rules --bad"), "--bad belongs to zones");
  EXPECT_EQ(ErrorOf("server a"), "server needs a NAME and up, down or auto");
  EXPECT_EQ(ErrorOf("server a sideways"), "server needs a NAME and up, down or auto");
  EXPECT_NE(ErrorOf("flush"), "accepted");
  EXPECT_NE(ErrorOf("flush a b"), "accepted");
  EXPECT_NE(ErrorOf("flush a --list f"), "accepted");
  EXPECT_NE(ErrorOf("flush undo x"), "accepted");
  EXPECT_NE(ErrorOf("flush undo 9-3"), "accepted");
  EXPECT_NE(ErrorOf("flush status 1-2"), "accepted");
  EXPECT_NE(ErrorOf("flush a --rate 5"), "accepted");
  EXPECT_NE(ErrorOf("flush --list f --rate 0"), "accepted");
  EXPECT_NE(ErrorOf("flush --list f --rate nan"), "accepted");
  EXPECT_NE(ErrorOf("servers --hard"), "accepted");
}

TEST(CtlOptions, OptionsOfAListAreCheckedTogether) {
  EXPECT_NE(ErrorOf("flush --list f --rate 5 --stop-on refused").find("'>' is missing"),
            std::string::npos);
  EXPECT_NE(ErrorOf("flush --list f --stop-on refused>1%").find("--stop-on needs --rate"),
            std::string::npos);
  EXPECT_NE(ErrorOf("flush --list f --undo-on-stop --hard").find("cannot take back"),
            std::string::npos);
  EXPECT_NE(ErrorOf("flush a --strict").find("belong to flush --list"), std::string::npos);
  EXPECT_NE(ErrorOf("flush stop x").find("is not the number of a list"), std::string::npos);
}

TEST(CtlOptions, HelpNamesEveryExitStatus) {
  const std::string help = CtlHelp();
  for (const char* status :
       {"0 done", "1 the", "2 wrong", "3 no connection", "4 your role", "5 a list"}) {
    EXPECT_NE(help.find(status), std::string::npos) << status;
  }
}

}  // namespace
}  // namespace breakwater
