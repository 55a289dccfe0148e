// Each page of bindings: small configurations, and what came of them.
#include <gmock/gmock.h>
#include <sys/stat.h>

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

TEST_F(FamiliesTest, APolicyInLuaLeavesTheChoiceToAnother) {
  Load(
      "newServer{address='192.0.2.1', name='a'} newServer{address='192.0.2.2', name='b'}\n"
      "local own = newServerPolicy('own', function(servers, dq) return servers[2] end)\n"
      "how = 'least'\n"
      "setServerPolicyLua('split', function(servers, dq)\n"
      "  if how == 'least' then return leastOutstanding.policy(servers, dq) end\n"
      "  if how == 'own' then return own.policy(servers, dq) end\n"
      "  if how == 'gap' then return firstAvailable.policy({[7]=servers[2]}, dq) end\n"
      "  if how == 'none' then return chashed.policy({}, dq) end\n"
      "  return whashed.policy({'text'}, dq)\n"
      "end)");
  const auto& servers = config()->backends;
  for (const BackendPtr& server : servers) server->health().ForceUp();
  test::QueryMaker maker;
  const QueryPtr query = maker.Make("a.example A");
  PolicyContext context{*query, {}, random_};
  const auto chosen = [&](const std::string& how) {
    Run("how = '" + how + "'");
    const BackendPtr server = config()->policy->Choose(servers, context);
    return server ? server->name() : "nobody";
  };
  EXPECT_EQ(chosen("least"), "a");
  EXPECT_EQ(chosen("own"), "b");
  EXPECT_EQ(chosen("gap"), "b");
  EXPECT_EQ(chosen("none"), "nobody");
  EXPECT_EQ(chosen("bad"), "nobody");
  EXPECT_THAT(Run("leastOutstanding.policy({getServer(0)}, nil)"), HasSubstr("bad argument #2"));
}

TEST_F(FamiliesTest, PoliciesTellWhatTheyAre) {
  Load(
      "own = newServerPolicy('own', function() return 1 end)\n"
      "thread = newServerPolicy('thread', 'return function() return 0 end')");
  EXPECT_EQ(Run("own:toString() .. tostring(own.isLua) .. tostring(own.isFFI)"),
            "ServerPolicy (Lua) \"own\"truefalse\n");
  EXPECT_EQ(Run("tostring(wrandom) .. tostring(wrandom.isLua) .. tostring(wrandom.isFFI)"),
            "ServerPolicy \"wrandom\"falsefalse\n");
  EXPECT_EQ(Run("tostring(thread.isFFI) .. type(thread.policy)"), "truenil\n");
}

TEST_F(FamiliesTest, APolicyThatIsSetAfterItsSettingsHasThem) {
  Load("setRoundRobinFailOnNoServer(true) setServerPolicy(roundrobin) newServer('192.0.2.1')");
  const auto& servers = config()->backends;
  servers.at(0)->health().ForceDown();
  test::QueryMaker maker;
  const QueryPtr query = maker.Make("a.example A");
  PolicyContext context{*query, {}, random_};
  EXPECT_EQ(config()->policy->Choose(servers, context), nullptr);
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
