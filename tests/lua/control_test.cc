// Who may do what with the running program: console, control socket, web server.
#include <gmock/gmock.h>

#include <sstream>

#include "proxy/web/web_auth.h"
#include "tests/lua/ask_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class ControlTest : public AskTest {};

TEST_F(ControlTest, DeltaHasTheLinesThatChangeSomething) {
  Load("newServer('192.0.2.1') pc = newPacketCache(10)");
  const std::vector<std::string> changing = {"getServer(0):setDown()",
                                             "getServer(0):setUp()",
                                             "getServer(0):setAuto()",
                                             "getServer(0):setQPS(7)",
                                             "pc:expunge(0)",
                                             "pc:expungeByName(newDNSName('a.example'))",
                                             "setVerbose(false)",
                                             "addAction(AllRule(), DropAction())",
                                             "getServer(0).weight = 5",
                                             "getPool('new')",
                                             "x = 1",
                                             "x = 1.5",
                                             "x = 'text'",
                                             "function f() return x end"};
  for (const std::string& line : changing) Run(line);
  for (const char* line : {"showServers()", "getServer(0):getName()", "pc:getStats()", "topRules()",
                           "delta()", "x = x", "f()", "return x", "local y = 2"}) {
    Run(line);
  }
  std::vector<std::string> lines;
  std::istringstream text(Run("delta()"));
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("-- ")) lines.push_back(line);
  }
  EXPECT_EQ(lines, changing);
}

TEST_F(ControlTest, AWebServerWithItsPasswordAsOnceIsAnErrorThatSaysWhereItGoes) {
  EXPECT_THAT(TryLoad("webserver('127.0.0.1:8083', 'password', 'key')"),
              HasSubstr(":1: webserver: takes the address alone since 1.8; password, API key, "
                        "headers and access list go into setWebserverConfig("));
}

TEST_F(ControlTest, Control) {
  Load(
      "controlSocket('127.0.0.1') setKey('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')\n"
      "controlUnixSocket('/run/x.sock', {mode='0600', group='g'})\n"
      "webserver('127.0.0.1:8083') setWebserverConfig({password='p', acl='192.0.2.0/24, ::1'})\n"
      "addExitCallback(function() gone = true end)\n"
      "addServerStateChangeCallback(function(name, up) seen = name .. tostring(up) end)");
  EXPECT_EQ(config()->settings.control_socket.port(), 5199);
  EXPECT_EQ(config()->settings.console_key.size(), 32u);
  EXPECT_EQ(config()->settings.control_unix_mode, 0600u);
  EXPECT_EQ(config()->web.addresses.size(), 1u);
  EXPECT_TRUE(config()->web.acl.Matches(*Address::Parse("192.0.2.4")));
  EXPECT_EQ(config()->web.password, "p");
  Run("setWebserverConfig({password='p', apiKey='k', hashPlaintextCredentials=true})");
  EXPECT_THAT(config()->web.password, testing::StartsWith("$scrypt$"));
  EXPECT_TRUE(PasswordMatches(config()->web.password, "p"));
  EXPECT_TRUE(PasswordMatches(config()->web.api_key, "k"));
  EXPECT_EQ(Run("setAPIWritable(true, '/etc/x')"), "");
  EXPECT_TRUE(config()->web.api_read_write);
  EXPECT_EQ(config()->web.api_config_directory, "/etc/x");
  EXPECT_THAT(Run("makeKey()"), HasSubstr("setKey(\""));
  configuration_->RunExitCallbacks();
  EXPECT_EQ(Run("gone"), "true\n");
  BackendSettings settings;
  settings.address = *Address::Parse("192.0.2.1", 53);
  configuration_->OnServerState(std::make_shared<Backend>(settings), true);
  EXPECT_EQ(Run("seen"), "192.0.2.1:53true\n");
  EXPECT_THAT(Run("showVersion()"), HasSubstr("dnsdist 2.1.1"));
  EXPECT_THAT(TryLoad("setKey('short')"), HasSubstr("setKey: the key must be"));
}

TEST_F(ControlTest, ControlRolesAndTokens) {
  Load(
      "controlUnixSocket('/run/x.sock', {roles={nobody='operate', ['@root']='flush'}, "
      "audit='/var/log/a'})\n"
      "addControlToken({name='shop', token='0123456789abcdef', zones={'example.com'}})\n"
      "addControlToken({name='ops', token='0123456789abcdeg', role='operate'})\n"
      "addControlToken({name='ops', token='0123456789abcdeh', role='read'})");
  const ControlAccess& access = config()->settings.control_access;
  EXPECT_EQ(access.users.at(65534), Role::kOperate);
  EXPECT_EQ(access.groups.at(0), Role::kFlush);
  EXPECT_EQ(access.audit_path, "/var/log/a");
  ASSERT_EQ(access.tokens.size(), 2u);
  EXPECT_EQ(FindToken(access.tokens, "0123456789abcdef")->zones[0].ToString(), "example.com.");
  EXPECT_EQ(FindToken(access.tokens, "0123456789abcdef")->role, Role::kFlush);
  EXPECT_EQ(FindToken(access.tokens, "0123456789abcdeg"), nullptr);
  EXPECT_EQ(FindToken(access.tokens, "0123456789abcdeh")->role, Role::kRead);
}

TEST_F(ControlTest, AMistypedOptionLetsNobodyMoreIn) {
  const std::string begin = "addControlToken({name='a', token='0123456789abcdef', role='flush', ";
  EXPECT_THAT(TryLoad(begin + "zone={'example.com'}})"), HasSubstr("unknown option 'zone'"));
  EXPECT_THAT(TryLoad(begin + "zones={'a..example'}})"), HasSubstr("option 'zones'"));
  EXPECT_THAT(TryLoad("controlUnixSocket('/tmp/x', {mod='0600'})"),
              HasSubstr("unknown option 'mod'"));
}

TEST_F(ControlTest, AnAlertCommandIsAProgramWithItsPath) {
  Load("setAlertCommand('/bin/sh', {args={'-c', 'true'}, interval=30, gather=1, timeout=5})");
  const AlertSettings& alert = config()->settings.alert;
  EXPECT_EQ(alert.command, (std::vector<std::string>{"/bin/sh", "-c", "true"}));
  EXPECT_EQ(alert.interval_s, 30u);
  EXPECT_EQ(alert.gather_s, 1u);
  EXPECT_EQ(alert.timeout_s, 5u);
  Run("setAlertCommand(nil)");
  EXPECT_TRUE(config()->settings.alert.command.empty());
  EXPECT_THAT(TryLoad("setAlertCommand('sh')"), HasSubstr("with its whole path"));
  EXPECT_THAT(TryLoad("setAlertCommand('/nonexistent/x')"), HasSubstr("No such file"));
  EXPECT_THAT(TryLoad("setAlertCommand('/etc/passwd')"), HasSubstr("no program"));
  EXPECT_THAT(TryLoad("setAlertCommand('/bin/sh', {interval=0})"), HasSubstr("interval must be"));
  EXPECT_THAT(TryLoad("setAlertCommand('/bin/sh', {timeout=0})"), HasSubstr("timeout must be"));
}

TEST_F(ControlTest, ControlRolesAndTokensThatCannotBe) {
  const std::string token = "token='0123456789abcdef'";
  const std::pair<std::string, std::string> cases[] = {
      {"controlUnixSocket('/x', {roles={['no-such-user']='read'}})", "no user 'no-such-user'"},
      {"controlUnixSocket('/x', {roles={['@no-such']='read'}})", "there is no group 'no-such'"},
      {"controlUnixSocket('/x', {roles={nobody='king'}})", "'king' is no role"},
      {"controlUnixSocket('/x', {roles='nobody'})", "roles is a table"},
      {"addControlToken({" + token + "})", "a token needs a name"},
      {"addControlToken({name='a'})", "either token or tokenFile"},
      {"addControlToken({name='a', tokenFile='/nonexistent'})", "cannot read the token file"},
      {"addControlToken({name='a', token='short'})", "16 characters or more, this one 5"},
      {"addControlToken({name='a', " + token + ", role='king'})", "'king' is no role"},
      {"addControlToken({name='a', " + token + ", role='operate', zones='example.com'})",
       "the role must be flush"},
      {"addControlToken({name='a', " + token + ", zones={}})", "zones is empty"},
      {"addControlToken({name='a', " + token + "}) addControlToken({name='b', " + token + "})",
       "that of another name"},
  };
  for (const auto& [text, error] : cases) EXPECT_THAT(TryLoad(text), HasSubstr(error)) << text;
}

}  // namespace
}  // namespace breakwater::lua
