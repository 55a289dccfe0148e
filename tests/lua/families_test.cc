// Each page of bindings: small configurations, and what came of them.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <sstream>

#include "proxy/backend/discovery_attempt.h"
#include "proxy/web/web_auth.h"
#include "tests/lua/ask_fixture.h"

namespace breakwater::lua {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class FamiliesTest : public AskTest {};

TEST_F(FamiliesTest, Settings) {
  Load("setUDPTimeout(5) setECSSourcePrefixV4(100/5) setServerID('x')");
  EXPECT_EQ(config()->settings.udp_timeout_ms, 5000u);
  EXPECT_EQ(config()->settings.ecs_prefix_v4, 20);
  EXPECT_EQ(Run("getServerID()"), "x\n");
  EXPECT_EQ(Run("setMaxUDPOutstanding(9)"), "setMaxUDPOutstanding cannot be used at runtime!\n");
  EXPECT_EQ(Run("setStaleCacheEntriesTTL(60)"), "");
  EXPECT_EQ(config()->settings.stale_cache_entries_ttl_s, 60u);
  Load("setTCPFastOpenKey('00000001-0000000a-00000000-ffffffff')");
  EXPECT_EQ(config()->settings.tcp_fast_open_key, (std::array<uint32_t, 4>{1, 10, 0, 0xffffffff}));
  EXPECT_THAT(TryLoad("setTCPFastOpenKey('1-a-0-f')"), HasSubstr("must be of the form"));
  EXPECT_THAT(TryLoad("\nsetECSSourcePrefixV4(33)"), HasSubstr(":2: setECSSourcePrefixV4: "));
  EXPECT_THAT(TryLoad("setPayloadSizeOnSelfGeneratedAnswers(70000)"), HasSubstr("out of range"));
}

TEST_F(FamiliesTest, Listeners) {
  Load(
      "addLocal('192.0.2.1') setLocal('127.0.0.1:5300', {doTCP=false, cpus={1, 2}})\n"
      "addLocal('[::1]:5301', {maxInFlight=10})");
  ASSERT_EQ(config()->frontends.size(), 3u);
  EXPECT_EQ(config()->frontends[0]->settings.address.ToStringWithPort(), "127.0.0.1:5300");
  EXPECT_EQ(config()->frontends[0]->settings.cpus, (std::vector<int>{1, 2}));
  EXPECT_EQ(config()->frontends[2]->settings.protocol, Protocol::kDoTcp);
  EXPECT_EQ(config()->frontends[2]->settings.max_in_flight, 10u);
  EXPECT_EQ(Run("getBind(1)"), "[::1]:5301\n");
  EXPECT_EQ(Run("getBind(1):getType()"), "UDP\n");
  EXPECT_EQ(Run("getBindCount()"), "3\n");
  EXPECT_EQ(Run("addLocal('127.0.0.1')"), "addLocal cannot be used at runtime!\n");
}

TEST_F(FamiliesTest, ProxyProtocol) {
  Load(
      "setProxyProtocolACL({'192.0.2.0/24'}) setProxyProtocolApplyACLToProxiedClients(true)\n"
      "setProxyProtocolMaximumPayloadSize(4096)\n"
      "addLocal('127.0.0.1:1') addLocal('127.0.0.1:2', {enableProxyProtocol=false})\n"
      "addLocal('127.0.0.1:3', {enableProxyProtocol='false', doTCP=false})\n"
      "newServer{address='192.0.2.1', useProxyProtocol=true, proxyProtocolAdvertiseTLS=true}");
  EXPECT_TRUE(config()->proxy_acl.Matches(*Address::Parse("192.0.2.9")));
  EXPECT_TRUE(config()->settings.proxy_acl_to_proxied);
  EXPECT_EQ(config()->settings.proxy_max_payload, 4096u);
  EXPECT_TRUE(config()->frontends[0]->settings.proxy_protocol);
  EXPECT_FALSE(config()->frontends[2]->settings.proxy_protocol);
  EXPECT_FALSE(config()->frontends[3]->settings.proxy_protocol);
  EXPECT_FALSE(config()->frontends[4]->settings.proxy_protocol);
  EXPECT_TRUE(config()->backends[0]->settings().use_proxy_protocol);
  EXPECT_TRUE(config()->backends[0]->settings().proxy_advertise_tls);
  EXPECT_EQ(Run("setProxyProtocolMaximumPayloadSize(1)"), "");
  EXPECT_EQ(config()->settings.proxy_max_payload, 16u);
  Load("addLocal('127.0.0.1:1', {enableProxyProtocol='perhaps'})");
  EXPECT_TRUE(Warned("option 'enableProxyProtocol': 'perhaps' is neither true nor false"));
}

TEST_F(FamiliesTest, UnknownOptionsAreWarningsOrErrors) {
  Load("\nnewServer{address='192.0.2.1', odrer=2}");
  EXPECT_TRUE(Warned(path_ + ":2: newServer: unknown option 'odrer' (nearest: 'order'), ignored"));
  EXPECT_THAT(TryLoad("setStrictConfig(true)\nnewServer{address='192.0.2.1', odrer=2}"),
              HasSubstr(":2: newServer: unknown option 'odrer' (nearest: 'order')"));
  Load("newServer{address='192.0.2.1', order={}}");
  EXPECT_TRUE(Warned("option 'order'"));
  EXPECT_THAT(TryLoad("newServer{address='192.0.2.1', MACAddr='00:11:22:33:44:55'}"),
              HasSubstr("option 'MACAddr' is not available yet"));
}

TEST_F(FamiliesTest, AutoUpgrade) {
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

TEST_F(FamiliesTest, AnUpgradedServerTakesThePlaceOfTheOther) {
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

TEST_F(FamiliesTest, DeltaHasTheLinesThatChangeSomething) {
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

TEST_F(FamiliesTest, AWebServerWithItsPasswordAsOnceIsAnErrorThatSaysWhereItGoes) {
  EXPECT_THAT(TryLoad("webserver('127.0.0.1:8083', 'password', 'key')"),
              HasSubstr(":1: webserver: takes the address alone since 1.8; password, API key, "
                        "headers and access list go into setWebserverConfig("));
}

TEST_F(FamiliesTest, FunctionsOfOlderVersions) {
  Load("limiter = newQPSLimiter(1, 2)");
  EXPECT_EQ(Run("return newDNSNameFromRaw('\\3www\\7example\\0'):toString()"), "www.example.\n");
  EXPECT_THAT(Run("newDNSNameFromRaw('abc')"), HasSubstr("no name in wire form"));
  EXPECT_EQ(Run("for i = 1, 3 do show(tostring(limiter:check())) end"), "true\ntrue\nfalse\n");
  EXPECT_EQ(Run("showSecurityStatus()"), "0\n");
  EXPECT_EQ(Run("return #getCacheHitResponseRules()"), "0\n");
}

TEST_F(FamiliesTest, QueryCountsOfOlderVersions) {
  Load("setQueryCount(true)");
  EXPECT_TRUE(config()->settings.query_count.enabled);
  QueryCounts& counts = *config()->settings.query_count.counts;
  for (const char* name : {"a.example", "b.example", "b.example"}) counts.Add(name);
  EXPECT_EQ(Run("getQueryCounters()"),
            "query counting is currently: enabled (2 records in buffer)\n"
            "1   b.example: 2 request(s)\n2   a.example: 1 request(s)\n");
  EXPECT_EQ(Run("getQueryCounters(0)"),
            "query counting is currently: enabled (2 records in buffer)\n");
  EXPECT_EQ(Run("clearQueryCounters()"), "2 records cleared from query counter buffer\n");
  EXPECT_EQ(Run("setQueryCount(false) getQueryCounters()"),
            "query counting is currently: disabled (0 records in buffer)\n");
}

TEST_F(FamiliesTest, ASelectorIsMeasured) {
  Load(
      "calls = 0 rule = LuaRule(function(dq) calls = calls + 1 "
      "return dq.qname:toString() == '1.a.example.' end)");
  EXPECT_THAT(Run("benchRule(AllRule(), 10)"), HasSubstr("Had 10 matches out of 10, "));
  EXPECT_THAT(Run("benchRule(QNameSuffixRule('a.example'), 2000, 'a.example')"),
              HasSubstr("Had 2000 matches out of 2000, "));
  EXPECT_THAT(Run("benchRule(QNameSuffixRule('a.example'), 100)"), HasSubstr("Had 0 matches"));
  EXPECT_THAT(Run("benchRule(rule, 5, 'a.example')"), HasSubstr("Had 1 matches out of 5, "));
  EXPECT_EQ(Run("return calls"), "5\n");
  EXPECT_THAT(Run("benchRule(AllRule(), 0)"), HasSubstr("must be 1 to"));
}

TEST_F(FamiliesTest, AccessLists) {
  Load("setACL({'192.0.2.0/24', '!192.0.2.1'}) addACL('2001:db8::/32')");
  EXPECT_TRUE(config()->acl.Matches(*Address::Parse("192.0.2.2")));
  EXPECT_FALSE(config()->acl.Matches(*Address::Parse("192.0.2.1")));
  EXPECT_FALSE(config()->acl.Matches(*Address::Parse("127.0.0.1")));
  EXPECT_EQ(Run("rmACL('2001:db8::/32') showACL()"), "192.0.2.0/24\n!192.0.2.1/32\n");
  WriteFile("acl", "# comment\n198.51.100.0/24 ; more\n\n");
  EXPECT_EQ(Run("setACLFromFile('" + directory_ + "/acl') showACL()"), "198.51.100.0/24\n");
}

TEST_F(FamiliesTest, ServersOptions) {
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

TEST_F(FamiliesTest, CheckFunctionsChangeTheQuestion) {
  Load(
      "newServer{address='192.0.2.1', checkFunction=function(name, type, class, dh)\n"
      "  dh:setCD(true) return newDNSName('b.example.'), DNSQType.TXT, class end}");
  HealthCheckQuestion question{*dns::Name::Parse("a.example."), dns::Type::kA, dns::Class::kIn, 0};
  config()->backends.at(0)->settings().health.check_function(question);
  EXPECT_EQ(question.name.ToString(), "b.example.");
  EXPECT_EQ(question.type, dns::Type::kTxt);
  EXPECT_EQ(question.flags, dns::kFlagCd);
}

TEST_F(FamiliesTest, ValidatorsJudgeTheAnswersOfHealthChecks) {
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

TEST_F(FamiliesTest, CachesAndPools) {
  Load(
      "pc = newPacketCache(100, {maxTTL=60, skipOptions={12}, maxBytes=1e6})\n"
      "getPool('a'):setCache(pc) getPool(''):setCache(pc) old = newPacketCache(10, 30, 2)");
  EXPECT_EQ(config()->FindPool("a")->cache, config()->FindPool("")->cache);
  EXPECT_EQ(config()->FindPool("a")->cache->settings().max_ttl, 60u);
  EXPECT_EQ(config()->FindPool("a")->cache->settings().max_bytes, 1000000u);
  EXPECT_EQ(Run("pc:expungeByName('example.com')"), "Expunged 0 records\n");
  EXPECT_THAT(Run("pc:printStats()"), HasSubstr("Entries: 0/100\n"));
  EXPECT_THAT(TryLoad("newPacketCache(0)"), HasSubstr(":1: newPacketCache: "));
}

TEST_F(FamiliesTest, RulesAreManaged) {
  Load(
      "addAction(AllRule(), PoolAction('abuse'), {name='foo'})\n"
      "addAction({'example.com.'}, DropAction())\n"
      "addAction('192.0.2.0/24', RCodeAction(DNSRCode.REFUSED))");
  EXPECT_EQ(
      Run("showRules()"),
      "#   Name                             Matches Rule                                         "
      "            Action\n"
      "0   foo                                    0 All                                          "
      "            to pool abuse\n"
      "1                                          0 qname in example.com.                        "
      "            drop\n"
      "2                                          0 Src: 192.0.2.0/24                            "
      "            set rcode 5\n");
  EXPECT_EQ(Run("mvRuleToTop() mvRule(1, 3)"), "");
  EXPECT_EQ(config()->chains.query[2].name, "foo");
  EXPECT_EQ(Run("mvRule(9, 0)"), "Error: attempt to move rules from/to invalid index\n");
  EXPECT_EQ(Run("getRule('foo'):getSelector():toString()"), "All\n");
  EXPECT_EQ(Run("getRule('nobody')"), "");
  EXPECT_THAT(Run("delta()"), EndsWith("\nmvRule(9, 0)\n"));
  EXPECT_EQ(Run("mvRule(9, 0) rmRule('nobody') rmRule(7)"),
            "Error: attempt to move rules from/to invalid index\n"
            "Error: no rule matched\n"
            "Error: attempt to delete non-existing rule\n");
  EXPECT_EQ(Run("rmRule('nobody')"), "Error: no rule matched\n");
  EXPECT_EQ(Run("rmRule('foo') rmRule(7)"), "Error: attempt to delete non-existing rule\n");
  EXPECT_EQ(config()->chains.query.size(), 2u);
  EXPECT_EQ(Run("setRules({newRuleAction(AllRule(), AllowAction())})"), "");
  EXPECT_EQ(config()->chains.query.size(), 1u);
  EXPECT_EQ(Run("clearRules() addTimeoutResponseAction(AllRule(), AllowResponseAction())"), "");
  EXPECT_TRUE(config()->chains.query.empty());
  EXPECT_EQ(config()->chains.Of(ResponseChainKind::kTimeout).size(), 1u);
  EXPECT_THAT(Run("addAction(AllRule(), AllowResponseAction())"), HasSubstr("DNSAction expected"));
}

TEST_F(FamiliesTest, SelectorsAndActionsDecideQueries) {
  Load(
      "addAction(AndRule{QTypeRule('TXT'), NotRule(TCPRule(true))}, "
      "RCodeAction(DNSRCode.REFUSED))\n"
      "addAction(QNameRule('spoof.example'), SpoofAction('192.0.2.5', {ttl=9}))\n"
      "addAction(NetmaskGroupRule('198.51.100.0/24'), DropAction())\n"
      "addAction(QNameSuffixRule('pool.example'), PoolAction('p', false))");
  EXPECT_THAT(Ask("a.example TXT"), HasSubstr("answer qr"));
  EXPECT_THAT(Ask("spoof.example A"), HasSubstr("9 A 192.0.2.5"));
  EXPECT_THAT(Ask("a.example A from=198.51.100.7:5000"), HasSubstr("drop "));
  EXPECT_THAT(Ask("www.pool.example A"), HasSubstr("continue "));
  EXPECT_EQ(pool_, "p");
}

TEST_F(FamiliesTest, LuaRulesAndActions) {
  Load(
      "addAction(LuaRule(function(dq) return dq.qname:isPartOf('rule.example') end), "
      "DropAction())\n"
      "addAction(QNameRule('pool.example'), LuaAction(function(dq)\n"
      "  dq:setTag('k', dq.remoteaddr:toString()) return DNSAction.Pool, 'lua-' .. dq:getTag('k') "
      "end))\n"
      "addAction(QNameRule('spoof.example'), LuaAction(function(dq)\n"
      "  dq:spoof({newCA('192.0.2.8')}) return DNSAction.Allow end))\n"
      "addAction(QNameRule('nx.example'), LuaAction(function(dq) return DNSAction.Nxdomain end))\n"
      "addAction(QNameRule('bad.example'), LuaAction(function(dq) kept = dq error('oops') end))\n"
      "addResponseAction(AllRule(), LuaResponseAction(function(dr) return DNSResponseAction.Drop "
      "end))");
  EXPECT_THAT(Ask("a.rule.example A"), HasSubstr("drop "));
  EXPECT_THAT(Ask("pool.example A from=192.0.2.1:53"), HasSubstr("stop "));
  EXPECT_EQ(pool_, "lua-192.0.2.1");
  EXPECT_THAT(Ask("spoof.example A"), HasSubstr("A 192.0.2.8"));
  EXPECT_THAT(Ask("nx.example A"), HasSubstr("NXDOMAIN"));
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 0u);
  EXPECT_THAT(Ask("bad.example A"), HasSubstr("SERVFAIL"));
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 1u);
  EXPECT_THAT(Run("kept.qname"), HasSubstr("the query is over"));
  EXPECT_THAT(Ask("a.example A +qr / answer a.example 60 A 192.0.2.1"), HasSubstr("drop "));
}

TEST_F(FamiliesTest, SvcRecords) {
  Load(
      "addAction(QTypeRule('HTTPS'), SpoofSVCAction({newSVCRecordParameters(1, '.', {alpn={'h2'},\n"
      "  mandatory={'port', 'alpn'}, port=853, ipv4hint={'192.0.2.1'}, key667='x'})}, {ttl=9}))\n"
      "addAction(AllRule(), SpoofSVCAction(newSVCRecordParameters(0, 'other.example')))");
  EXPECT_THAT(Ask("a.example HTTPS"),
              HasSubstr("a.example 9 HTTPS 0001000000000400010003000100030268320003000203550004"
                        "0004c0000201029b000178; ar: a.example 9 A 192.0.2.1"));
  EXPECT_THAT(Ask("a.example SVCB"),
              HasSubstr("a.example 60 TYPE64 0000056f74686572076578616d706c6500"));
  EXPECT_THAT(TryLoad("newSVCRecordParameters(1, '.', {mandatory={'nonsense'}})"),
              HasSubstr("'nonsense' is no key"));
  EXPECT_THAT(TryLoad("newSVCRecordParameters(1, '.', {prot=1})"), testing::IsEmpty());
  EXPECT_TRUE(Warned("unknown option 'prot' (nearest: 'port')"));
}

TEST_F(FamiliesTest, ScriptFunctionsAreRefusedInPackets) {
  Load("addAction(AllRule(), LuaAction(function(dq) addACL('192.0.2.0/24') end))");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
  EXPECT_FALSE(config()->acl.Matches(*Address::Parse("192.0.2.1")));
}

TEST_F(FamiliesTest, Policies) {
  Load(
      "setServerPolicy(firstAvailable) setPoolServerPolicy(roundrobin, 'p')\n"
      "setPoolServerPolicyLua('mine', function(servers, dq) return #servers end, 'q')");
  EXPECT_EQ(config()->policy->Name(), "firstAvailable");
  EXPECT_EQ(config()->FindPool("p")->policy->Name(), "roundrobin");
  EXPECT_EQ(Run("showPoolServerPolicy('q')"), "mine\n");
  BackendSettings settings;
  settings.address = *Address::Parse("192.0.2.1", 53);
  const std::vector<BackendPtr> servers = {std::make_shared<Backend>(settings),
                                           std::make_shared<Backend>(settings)};
  test::QueryMaker maker;
  const QueryPtr query = maker.Make("a.example A");
  PolicyContext context{*query, {}, random_};
  EXPECT_EQ(config()->FindPool("q")->policy->Choose(servers, context), servers[1]);
}

TEST_F(FamiliesTest, Control) {
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

TEST_F(FamiliesTest, ControlRolesAndTokens) {
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

TEST_F(FamiliesTest, AMistypedOptionLetsNobodyMoreIn) {
  const std::string begin = "addControlToken({name='a', token='0123456789abcdef', role='flush', ";
  EXPECT_THAT(TryLoad(begin + "zone={'example.com'}})"), HasSubstr("unknown option 'zone'"));
  EXPECT_THAT(TryLoad(begin + "zones={'a..example'}})"), HasSubstr("option 'zones'"));
  EXPECT_THAT(TryLoad("controlUnixSocket('/tmp/x', {mod='0600'})"),
              HasSubstr("unknown option 'mod'"));
}

TEST_F(FamiliesTest, AnAlertCommandIsAProgramWithItsPath) {
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

TEST_F(FamiliesTest, ControlRolesAndTokensThatCannotBe) {
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

TEST_F(FamiliesTest, IncludesTheFilesOfADirectory) {
  const std::string parts = directory_ + "/parts";
  ASSERT_EQ(mkdir(parts.c_str(), 0700), 0);
  WriteFile("parts/b.conf", "order = order .. 'b'");
  WriteFile("parts/a.conf", "order = order .. 'a'");
  WriteFile("parts/c.txt", "error('not read')");
  Load("order = '' includeDirectory('" + parts + "')");
  EXPECT_EQ(Run("order"), "ab\n");
  WriteFile("parts/z.conf", "\nerror('bad')");
  EXPECT_THAT(TryLoad("order = '' includeDirectory('" + parts + "')"), HasSubstr("z.conf:2: bad"));
}

TEST_F(FamiliesTest, AnOptionOfTheWrongTypeIsAnErrorAndNoWarningBesideIt) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const std::string said = TryLoad(
      "addAction(AllRule(), RemoteLogAction(newRemoteLogger('192.0.2.1:4242'), nil, "
      "{serverID=true}))");
  const std::string logged =
      testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("test.conf:1: RemoteLogAction: option 'serverID' must be a string"),
            std::string::npos)
      << said;
  EXPECT_EQ(logged.find("serverID"), std::string::npos) << logged;
}

}  // namespace
}  // namespace breakwater::lua
