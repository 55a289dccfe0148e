// newServer() and what scripts do with servers.
#include <gmock/gmock.h>

#include "proxy/backend/discovery_attempt.h"
#include "tests/lua/ask_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class ServersTest : public AskTest {};

TEST_F(ServersTest, AutoUpgrade) {
  Load(
      "newServer{address='192.0.2.1', autoUpgrade=true}\n"
      "newServer{address='192.0.2.2', autoUpgrade=true, autoUpgradeInterval=60,\n"
      "  autoUpgradeKeep=true, autoUpgradePool='safe', autoUpgradeDoHKey=65280,\n"
      "  lazyHealthCheckWhenUpgraded=true, ciphers='AES128-SHA', validateCertificates=false}\n"
      "newServer{address='192.0.2.3', autoUpgradeInterval=60}");
  EXPECT_TRUE(configuration_->warnings().empty());
  const DiscoverySettings& plain = *config()->backends[0]->settings().discovery;
  EXPECT_EQ(plain.interval_s, 3600u);
  EXPECT_EQ(plain.doh_key, 7);
  EXPECT_FALSE(plain.keep || plain.lazy_auto);
  EXPECT_EQ(plain.pool, "");
  const DiscoverySettings& other = *config()->backends[1]->settings().discovery;
  EXPECT_EQ(other.interval_s, 60u);
  EXPECT_EQ(other.doh_key, 65280);
  EXPECT_TRUE(other.keep && other.lazy_auto);
  EXPECT_EQ(other.pool, "safe");
  EXPECT_EQ(other.tls.ciphers, "AES128-SHA");
  EXPECT_FALSE(other.tls.validate);
  EXPECT_FALSE(config()->backends[1]->settings().tls);
  EXPECT_FALSE(config()->backends[2]->settings().discovery);
  Load("newServer{address='192.0.2.1', tls='openssl', subjectName='a', autoUpgrade=true}");
  EXPECT_TRUE(Warned("option 'autoUpgrade': the server is asked over TLS already"));
  EXPECT_THAT(TryLoad("newServer{address='192.0.2.1', autoUpgrade=true, caStore='/nonexistent'}"),
              HasSubstr("no CA certificates can be read from /nonexistent: No such file"));
}

TEST_F(ServersTest, AnUpgradedServerTakesThePlaceOfTheOther) {
  Load("newServer{address='192.0.2.1', autoUpgrade=true, validateCertificates=false, pool='a'}");
  const BackendPtr server = config()->backends[0];
  const auto upgraded =
      MakeUpgraded(*server, {.address = *Address::Parse("192.0.2.1:853"), .target = "a.example"});
  ASSERT_TRUE(upgraded) << upgraded.error();
  configuration_->OnUpgrade(server, *upgraded);
  EXPECT_EQ(config()->backends, std::vector<BackendPtr>{*upgraded});
  EXPECT_EQ(config()->FindPool("a")->servers, std::vector<BackendPtr>{*upgraded});
  configuration_->OnUpgrade(server, *upgraded);  // it is gone
  EXPECT_EQ(config()->backends.size(), 1u);
}

TEST_F(ServersTest, ServersOptions) {
  Load(
      "newServer{address='192.0.2.1', name='n', udpTimeout=3, tcpConnectTimeout=2, qps='10',\n"
      "  checkType='SOA', checkName='example.com.', healthCheckMode='lazy', useClientSubnet=true,\n"
      "  source='192.0.2.9@eth0', checkTimeout=500}");
  const BackendSettings& settings = config()->backends.at(0)->settings();
  EXPECT_EQ(settings.address.port(), 53);
  EXPECT_EQ(settings.udp_timeout_ms, 3000u);
  EXPECT_EQ(settings.tcp_connect_timeout_ms, 2000u);
  EXPECT_EQ(settings.qps_limit, 10u);
  EXPECT_EQ(settings.health.type, dns::Type::kSoa);
  EXPECT_EQ(settings.health.mode, HealthCheckMode::kLazy);
  EXPECT_EQ(settings.health.timeout_ms, 500u);
  EXPECT_TRUE(settings.use_client_subnet);
  EXPECT_EQ(settings.source_interface, "eth0");
  EXPECT_EQ(Run("newServer('192.0.2.7')"), "192.0.2.7:53\n");
  EXPECT_EQ(config()->FindPool("")->servers.size(), 2u);
  EXPECT_THAT(Run("showServers()"), HasSubstr("192.0.2.7:53"));
}

TEST_F(ServersTest, CheckFunctionsChangeTheQuestion) {
  Load(
      "newServer{address='192.0.2.1', checkFunction=function(name, type, class, dh)\n"
      "  dh:setCD(true) return newDNSName('b.example.'), DNSQType.TXT, class end}");
  HealthCheckQuestion question{*dns::Name::Parse("a.example."), dns::Type::kA, dns::Class::kIn, 0};
  config()->backends.at(0)->settings().health.check_function(question);
  EXPECT_EQ(question.name.ToString(), "b.example.");
  EXPECT_EQ(question.type, dns::Type::kTxt);
  EXPECT_EQ(question.flags, dns::kFlagCd);
}

TEST_F(ServersTest, ValidatorsJudgeTheAnswersOfHealthChecks) {
  Load(
      "newServer('192.0.2.1'):setHealthCheckResponseValidator(function(dr)\n"
      "  if dr.qname:toString() == 'bad.example.' then error('on purpose') end\n"
      "  return dr.rcode == DNSRCode.NXDOMAIN end)");
  const HealthValidator validator = config()->backends.at(0)->health_validator();
  EXPECT_EQ(validator(test::QueryMaker::Message("a.example +qr +rcode=3")), HealthJudgement::kGood);
  EXPECT_EQ(validator(test::QueryMaker::Message("a.example +qr")), HealthJudgement::kRefused);
  EXPECT_EQ(validator(test::QueryMaker::Message("bad.example +qr")), HealthJudgement::kFailed);
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 1u);
}

}  // namespace
}  // namespace breakwater::lua
