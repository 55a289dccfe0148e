// What the console shows of a running server.
#include <gmock/gmock.h>

#include "tests/lua/lua_fixture.h"
#include "tests/proxy/control/fake_target.h"
#include "tests/support/query_maker.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class InspectTest : public LuaTest {
 protected:
  void LoadWithServer(const std::string& text) {
    Load(text, {.clock = &target_.clock_});
    configuration_->UseServer(target_, std::make_shared<WorkerStats>());
  }
  test::FakeTarget target_;
};

TEST_F(InspectTest, RingEntriesOneByOne) {
  LoadWithServer("");
  const auto message = test::QueryMaker::Message("www.example.com TXT +qr +aa +rcode=3 +id=4660");
  const Address client = *Address::Parse("192.0.2.7:4000");
  const RingRecord record{.now = target_.clock_.Now(),
                          .client = client,
                          .protocol = Protocol::kDoTcp,
                          .message = message,
                          .name = std::span(message).subspan(12, 17),
                          .type = dns::Type::kTxt};
  RingCursor cursor;
  target_.rings_.AddQuery(cursor, record);
  target_.rings_.AddResponse(cursor, record, 1234, *Address::Parse("192.0.2.53:53"));
  target_.rings_.AddResponse(cursor, record, 0, Address());
  EXPECT_EQ(Run("e = getRingEntries() return #e"), "3\n");
  EXPECT_EQ(Run("q = e[1] return tostring(q.isResponse) .. q.usec .. tostring(q.backend)"),
            "false0nil\n");
  EXPECT_EQ(Run("r = e[2] return tostring(r.isResponse) .. r.usec .. r.backend:toString()"),
            "true1234192.0.2.53\n");
  EXPECT_EQ(Run("return tostring(e[3].backend)"), "nil\n");
  EXPECT_EQ(Run("return r.qname:toString() .. r.qtype .. r.protocol .. r.size .. r.macAddress"),
            "www.example.com.16DoTCP33\n");
  EXPECT_EQ(Run("return r.requestor:toStringWithPort()"), "192.0.2.7:4000\n");
  EXPECT_EQ(Run("return r.dnsheader:getID() .. tostring(r.dnsheader:getAA())"), "4660true\n");
  EXPECT_EQ(Run("return math.abs(r.when.tv_sec - os.time()) <= 2"), "true\n");
  EXPECT_THAT(Run("r.size = 1"), HasSubstr("cannot be assigned to"));
}

TEST_F(InspectTest, MessagesAreWrittenToANewFile) {
  LoadWithServer("");
  const auto message = test::QueryMaker::Message("www.example.com");
  const Address client = *Address::Parse("192.0.2.7:4000");
  RingCursor cursor;
  target_.rings_.AddQuery(cursor, {.now = target_.clock_.Now(),
                                   .client = client,
                                   .protocol = Protocol::kDoUdp,
                                   .message = message,
                                   .name = std::span(message).subspan(12, 17),
                                   .type = dns::Type::kA});
  const std::string printed = Run("grepq('example.com')");
  EXPECT_THAT(printed, HasSubstr("www.example.com."));
  int number = 0;
  for (const char* before : {"", "5, ", "nil, "}) {
    const std::string path = directory_ + "/messages" + std::to_string(number++);
    const std::string line =
        std::string("grepq({'example.com'}, ") + before + "{outputFile='" + path + "'})";
    EXPECT_EQ(Run(line), "") << line;
    std::ifstream file(path);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), printed);
    EXPECT_THAT(Run(line), HasSubstr("File exists"));
  }
  EXPECT_THAT(Run("grepq('example.com', {outputFil='x'})"), HasSubstr("www.example.com."));
  EXPECT_THAT(Run("grepq('example.com', {}, {})"), HasSubstr("integer expected"));
}

TEST_F(InspectTest, TheTopOfNoRulesIsAllOfThem) {
  LoadWithServer("for i = 1, 12 do addAction(AllRule(), NoneAction(), {name='rule' .. i}) end");
  EXPECT_THAT(Run("topRules(0)"), HasSubstr("rule12"));
  EXPECT_THAT(Run("topRules()"), testing::Not(HasSubstr("rule12")));
}

TEST_F(InspectTest, ServersWithTheirRates) {
  LoadWithServer("newServer{address='192.0.2.1', name='one'} newServer('192.0.2.2')");
  configuration_->Maintenance();
  const BackendPtr server = config()->backends.at(0);
  server->counters().queries.Add(30);
  server->counters().timeouts.Add(3);
  target_.clock_.Advance(MonoTime::FromSeconds(2));
  configuration_->Maintenance();
  EXPECT_EQ(Run("showServers()"),
            "#   Name                 Address                      State     Qps    Qlim Ord Wt    "
            "Queries   Drops Drate   Lat   TCP Outstanding Pools\n"
            "0   one                  192.0.2.1:53                  down    15.0       0   1  1    "
            "     30       3   1.5   0.0     -           0 \n"
            "1   192.0.2.2:53         192.0.2.2:53                  down     0.0       0   1  1    "
            "      0       0   0.0   0.0     -           0 \n"
            "All                                                            15.0                   "
            "     30       3                               \n");
  EXPECT_THAT(Run("showServers({showUUIDs=true})"), HasSubstr(server->id()));
  target_.clock_.Advance(MonoTime::FromSeconds(1));
  configuration_->Maintenance();
  EXPECT_THAT(Run("showServers()"), HasSubstr("down     0.0 "));
}

TEST_F(InspectTest, TcpStatisticsAndWebServer) {
  LoadWithServer(
      "addLocal('127.0.0.1:5300') webserver('127.0.0.1:8083')\n"
      "setWebserverConfig({password='p', acl='192.0.2.0/24', customHeaders={['X-A']='b'}})");
  const std::string tcp = Run("showTCPStats()");
  EXPECT_THAT(tcp, HasSubstr("\n4            4            3            10000       \n"));
  EXPECT_THAT(tcp, HasSubstr("127.0.0.1:5300"));
  const std::string shown = Run("showWebserverConfig()");
  EXPECT_THAT(shown, HasSubstr("Address: 127.0.0.1:8083\nACL: 192.0.2.0/24\n"));
  EXPECT_THAT(shown, HasSubstr("Custom headers:\n - X-A: b\n"));
  EXPECT_THAT(shown, HasSubstr("Password: set\nAPI key: unset\nAPI writable: no\n"));
}

}  // namespace
}  // namespace breakwater::lua
