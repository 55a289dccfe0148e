// The table ffi.C, rules that use it, and code that each worker runs by itself.
#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "lua/ffi_call.h"
#include "proxy/pool/policies/weighted.h"
#include "tests/lua/ffi_fixture.h"

namespace breakwater::lua {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kNamed = "local ffi = require('ffi') local C = ffi.C ";

TEST_F(FfiTest, AFunctionLooksAtTheQuery) {
  EXPECT_EQ(Say("said = C.dnsdist_ffi_dnsquestion_get_qname_raw(dq)"),
            "\003www\007Example\003org" + std::string(1, '\0'));
  EXPECT_EQ(Say("said = C.dnsdist_ffi_dnsquestion_get_qtype(dq)"), "28");
  EXPECT_EQ(Say("said = tostring(C.dnsdist_ffi_dnsquestion_get_tcp(dq))"), "false");
  EXPECT_EQ(Say("said = #C.dnsdist_ffi_dnsquestion_get_remoteaddr(dq)"), "4");
  EXPECT_EQ(Say("said = #C.dnsdist_ffi_dnsquestion_get_header(dq)"), "12");
  EXPECT_EQ(Say("said = tostring(C.dnsdist_ffi_dnsquestion_get_http_path(dq))"), "nil");
  EXPECT_EQ(Say("said = tostring(C.dnsdist_ffi_dnsquestion_get_tag(dq, 'x'))"), "nil");
}

TEST_F(FfiTest, PlacesForResultsAreTablesAsInLuaJit) {
  EXPECT_EQ(Say("local place = ffi.new('const char *[1]') local size = ffi.new('size_t[1]') "
                "C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, place, size) "
                "said = tonumber(size[0])..ffi.string(place[0], size[0]):sub(2, 4)"),
            "17www");
  EXPECT_EQ(Say("C.dnsdist_ffi_dnsquestion_set_tag(dq, 'a', 'one') "
                "local list = ffi.new('const dnsdist_ffi_tag_t *[1]') "
                "local n = C.dnsdist_ffi_dnsquestion_get_tag_array(dq, list) "
                "said = tonumber(n)..ffi.string(list[0][0].name)..ffi.string(list[0][0].value)"),
            "1aone");
  EXPECT_EQ(Say("local count, list = C.dnsdist_ffi_dnsquestion_get_edns_options(dq) "
                "said = count..type(list)"),
            "0table");
  EXPECT_EQ(
      Say("local buffer = ffi.new('char[?]', 20) "
          "C.dnsdist_ffi_dnsquestion_set_tag_raw(dq, 'a', 'x\\0y', 3) "
          "local n = C.dnsdist_ffi_dnsquestion_get_tag_raw(dq, 'a', buffer, 20) "
          "said = n..#ffi.string(buffer, n)..buffer[2]..C.dnsdist_ffi_dnsquestion_get_tag_raw("
          "dq, 'a', buffer, 2)"),
      "331210");
}

TEST_F(FfiTest, AFunctionActsOnTheQuery) {
  Say("C.dnsdist_ffi_dnsquestion_set_result(dq, '192.0.2.7') return DNSAction.Spoof",
      "a.example A");
  EXPECT_THAT(answer_, HasSubstr("192.0.2.7"));
  Say("C.dnsdist_ffi_dnsquestion_set_result(dq, '192.0.2.5 192.0.2.6') return DNSAction.Spoof",
      "a.example A");
  EXPECT_THAT(answer_, AllOf(HasSubstr("192.0.2.5"), HasSubstr("192.0.2.6")));
  Say("C.dnsdist_ffi_dnsquestion_set_result(dq, 'abuse', 5) return DNSAction.Pool", "a.example A");
  EXPECT_EQ(pool_, "abuse");
  Say("C.dnsdist_ffi_dnsquestion_set_rcode(dq, DNSRCode.REFUSED) return DNSAction.HeaderModify");
  EXPECT_THAT(answer_, HasSubstr("REFUSED"));
  Say("local v = ffi.new('dnsdist_ffi_raw_value_t[?]', 1) v[0].value = '\\192\\0\\2\\9' "
      "v[0].size = 4 C.dnsdist_ffi_dnsquestion_spoof_raw(dq, v, 1)",
      "a.example A");
  EXPECT_THAT(answer_, HasSubstr("192.0.2.9"));
  Say("C.dnsdist_ffi_dnsquestion_spoof_addrs(dq, {'\\192\\0\\2\\8'})", "a.example A");
  EXPECT_THAT(answer_, HasSubstr("192.0.2.8"));
  Say("C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, '\\3new\\0', 5, 't', 1, 'v', 1, 'old', 3)");
  EXPECT_THAT(answer_, HasSubstr("; new AAAA"));
  EXPECT_EQ(Errors(), 0u);
}

TEST_F(FfiTest, ARuleMatchesWhereItsFunctionSaysSo) {
  Load(std::string(kNamed) +
       "addAction(LuaFFIRule(function(dq) return C.dnsdist_ffi_dnsquestion_get_qtype(dq) == "
       "DNSQType.TXT end), RCodeAction(5))");
  EXPECT_THAT(Ask("a.example TXT"), HasSubstr("REFUSED"));
  EXPECT_THAT(Ask("a.example A"), Not(HasSubstr("REFUSED")));
}

TEST_F(FfiTest, AResponseActionChangesTtlsAndRecords) {
  const char* kAct =
      "local C = require('ffi').C "
      "C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, 5) return DNSResponseAction.None";
  Load(std::string("addResponseAction(AllRule(), LuaFFIResponseAction(function(dr) ") + kAct +
       " end))");
  EXPECT_THAT(Ask("a.example A +qr / answer a.example 60 A 192.0.2.1"),
              HasSubstr(" 5 A 192.0.2.1"));
  EXPECT_EQ(Errors(), 0u);
  Load(std::string("addResponseAction(AllRule(), LuaFFIPerThreadResponseAction([[return "
                   "function(dr) ") +
       kAct + " end]]))");
  EXPECT_THAT(Ask("a.example A +qr / answer a.example 60 A 192.0.2.1"),
              HasSubstr(" 5 A 192.0.2.1"));
  EXPECT_EQ(Errors(), 0u);
  EXPECT_EQ(Errors(), 0u);
}

TEST_F(FfiTest, WhatIsKeptOfAQueryIsAnErrorLater) {
  Load(std::string(kNamed) +
       "addAction(AllRule(), LuaFFIAction(function(dq) local of = kept or dq kept = dq "
       "C.dnsdist_ffi_dnsquestion_get_qtype(of) return DNSAction.None end))");
  EXPECT_THAT(Ask("a.example A"), Not(HasSubstr("SERVFAIL")));
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
  EXPECT_EQ(Errors(), 1u);
  EXPECT_THAT(Run("require('ffi').C.dnsdist_ffi_dnsquestion_get_qtype(kept)"),
              HasSubstr("the query is over"));
}

TEST_F(FfiTest, EveryFunctionSurvivesEveryWrongArgument) {
  const char* kValues =
      "values = {false, 0, -1, 1, 2^63, 1e300, 0/0, '', 'x', string.rep('y', 300), {}, "
      "{[0]='z'}, {[0]={value='v', size=99}}, {value=1}, print, coroutine.create(print), dq, "
      "ffi.new('char[3]'), ffi.new('size_t[1]'), io.stdout, newDNSName('a.')} "
      "local bytes = C.dnsdist_ffi_dnsquestion_get_data(dq) "
      "local function packet() return select(2, C.dnsdist_ffi_dnspacket_parse(bytes, #bytes)) end "
      "local function svc() "
      "return select(2, C.dnsdist_ffi_svc_record_parameters_new('a.', 1, false)) end ";
  // Every function with every value in every place, behind dq and by itself; then with none.
  const std::string said =
      Say(std::string(kValues) +
              "local tried, errors = 0, 0 "
              "for name, f in pairs(C) do if type(f) == 'function' then "
              "  pcall(f) pcall(f, dq) "
              "  for place = 1, 6 do for i = 1, #values do "
              "    for _, first in ipairs({dq, 1, 'name', packet(), svc()}) do "
              "      local a = {first, 2, 'text', 3, 'more', 1} "
              "      a[place] = values[i] "
              "      tried = tried + 1 "
              "      local good, text = pcall(f, table.unpack(a)) "
              "      if not good then errors = errors + 1 "
              "        if not tostring(text):find(name, 1, true) then said = "
              "name..': '..tostring(text) return "
              "DNSAction.None end end "
              "    end end end end end "
              "if tried > 10000 and errors > 5000 then said = 'good' else "
              "said = tried..' '..errors end",
          "a.example A +dnssec");
  EXPECT_EQ(said, "good");
}

TEST_F(FfiTest, TheModuleRefusesWhatItDoesNotHave) {
  Load(
      "ffi = require('ffi') ffi.cdef[[typedef struct a { int b(int); } a; "
      "int dnsdist_ffi_dnsquestion_get_rcode(const dnsdist_ffi_dnsquestion_t* dq);]]");
  EXPECT_THAT(TryLoad("require('ffi').cdef[[ int getpid(void); ]]"),
              HasSubstr("test.conf:1: ffi.cdef: there is no function getpid()"));
  EXPECT_THAT(TryLoad("require('ffi').load('c')"), HasSubstr("libraries are not loaded"));
  EXPECT_THAT(TryLoad("require('ffi').C.malloc(1)"), HasSubstr("ffi.C.malloc is not there"));
  EXPECT_THAT(TryLoad("require('ffi').new('char[?]', 1e12)"), HasSubstr("a number of elements"));
  EXPECT_THAT(TryLoad("require('ffi').string('abc', 9)"), HasSubstr("3 bytes only"));
  EXPECT_THAT(TryLoad("require('ffi').new('char[2]')[2] = 1"), HasSubstr("outside of the buffer"));
}

// --- policies

TEST_F(FfiTest, PoliciesChooseByNumber) {
  const std::string kBody =
      "local C = require('ffi').C return function(servers, dq) "
      "for i = 0, C.dnsdist_ffi_servers_list_get_count(servers) - 1 do "
      "local server = C.dnsdist_ffi_servers_list_get_server(servers, i) "
      "if C.dnsdist_ffi_server_get_name(server) == 'two' then return i end end return 99 end";
  Load(
      // Places on the ring follow from the IDs, which else are others in each run.
      "for i, name in ipairs({'one', 'two'}) do newServer{address='192.0.2.' .. i, name=name, "
      "weight=100, id='00000000-0000-4000-8000-00000000000' .. i} end\n"
      "setServerPolicyLuaFFI('plain', loadstring([[" +
      kBody + "]])())\nsetPoolServerPolicyLuaFFIPerThread('own', [[" + kBody +
      "]], 'p')\nsetPoolServerPolicy(newServerPolicy('none', 'return function() return 2 end'), "
      "'q')\n"
      "local C = require('ffi').C\n"
      "setPoolServerPolicyLuaFFI('hashed', function(servers, dq) return "
      "C.dnsdist_ffi_servers_list_whashed(servers, dq, 150) end, 'w')\n"
      "setPoolServerPolicyLuaFFI('ring', function(servers, dq) return "
      "C.dnsdist_ffi_servers_list_chashed(servers, dq, hash) end, 'c')");
  for (const BackendPtr& server : config()->backends) server->health().ForceUp();
  test::QueryMaker maker;
  const QueryPtr query = maker.Make("a.example A");
  PolicyContext context{*query, {}, random_};
  const auto name_of = [&](const PolicyPtr& policy) {
    const BackendPtr chosen = policy->Choose(config()->backends, context);
    return chosen ? chosen->name() : "nobody";
  };
  EXPECT_EQ(name_of(config()->policy), "two");
  EXPECT_EQ(name_of(config()->FindPool("p")->policy), "two");
  EXPECT_EQ(name_of(config()->FindPool("q")->policy), "nobody");
  EXPECT_EQ(name_of(config()->FindPool("w")->policy), "two");
  const FfiSettings settings(config()->settings);
  const policies::LoadBound bound(config()->backends, settings.consistent_factor);
  std::set<std::string> chosen;
  for (uint32_t i = 0; i < 16; ++i) {
    const uint32_t hash = i << 28;
    Run("hash = " + std::to_string(hash));
    const BackendPtr expected =
        policies::PickOnRing(config()->backends, hash, settings.perturbation, bound);
    EXPECT_EQ(name_of(config()->FindPool("c")->policy), expected->name()) << hash;
    chosen.insert(expected->name());
  }
  EXPECT_EQ(chosen.size(), 2u);
  EXPECT_EQ(Errors(), 0u);
}

// --- code of each worker

TEST_F(FfiTest, EachThreadHasGlobalsOfItsOwn) {
  Load(
      "addAction(AllRule(), LuaFFIPerThreadAction([[n = 0 return function(dq) n = n + 1 "
      "if n == 2 then return DNSAction.Refused end return DNSAction.None end]]))");
  EXPECT_THAT(Ask("a.example A"), Not(HasSubstr("REFUSED")));
  std::string elsewhere;
  std::thread([&] { elsewhere = Ask("a.example A"); }).join();
  EXPECT_THAT(elsewhere, Not(HasSubstr("REFUSED")));
  EXPECT_THAT(Ask("a.example A"), HasSubstr("REFUSED"));
}

TEST_F(FfiTest, CodeThatDoesNotCompileIsToldAtLoadAndFailsOnce) {
  const std::string kBad = "addAction(AllRule(), LuaFFIPerThreadAction([[\nreturn +]]))";
  Load(kBad);
  EXPECT_TRUE(Warned("test.conf:1: LuaFFIPerThreadAction: code:1: unexpected symbol"));
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
  EXPECT_THAT(Ask("a.example A"), Not(HasSubstr("SERVFAIL")));
  EXPECT_EQ(Errors(), 1u);
  EXPECT_THAT(TryLoad("setStrictConfig(true)\n" + kBad), HasSubstr("unexpected symbol"));
  Load("addAction(LuaFFIPerThreadRule('return 1'), RCodeAction(5))");
  EXPECT_TRUE(Warned("the code returns a number instead of a function"));
  EXPECT_THAT(Ask("a.example A"), Not(HasSubstr("REFUSED")));
}

TEST_F(FfiTest, ErrorsOfCodeAreCountedAndTellTheirPlace) {
  Load(
      "addAction(LuaFFIPerThreadRule('return function(dq) error(1) end'), RCodeAction(5))\n"
      "addAction(AllRule(), LuaFFIPerThreadAction('return function(dq) return \"x\" end'))");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
  EXPECT_EQ(Errors(), 2u);
  EXPECT_THAT(
      TryLoad(
          "setStrictConfig(true)\naddAction(AllRule(), LuaFFIPerThreadAction('return function(dq) "
          "local x = nil + 1 end'))",
          {.check = true}),
      HasSubstr("error in LuaFFIPerThreadAction() of " + path_ + ":2: code:1: attempt"));
}

TEST_F(FfiTest, WorkersDoNotBlockInTheirCode) {
  Load(
      "addAction(AllRule(), LuaFFIPerThreadAction('return function(dq) io.open(\"/dev/null\") "
      "return DNSAction.None end'))");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
}

// --- setLuaBudget{onExceed=}

TEST_F(FfiTest, OnExceedSaysWhatBecomesOfAStoppedQuery) {
  const std::string kForever = "function() while true do end end";
  const std::string kActions[] = {"LuaAction(" + kForever + ")", "LuaFFIAction(" + kForever + ")",
                                  "LuaFFIPerThreadAction([[return " + kForever + "]])"};
  for (const std::string& action : kActions) {
    for (const auto& [what, becomes] :
         {std::pair("servfail", "SERVFAIL"), std::pair("continue", "continue "),
          std::pair("drop", "drop ")}) {
      Load(std::string("setLuaBudget{instructions=5000, onExceed='") + what +
           "'}\naddAction(AllRule(), " + action + ")");
      EXPECT_THAT(Ask("a.example A"), HasSubstr(becomes)) << action;
      EXPECT_EQ(Stopped(), 1u) << action;
      EXPECT_EQ(Errors(), 1u) << action;
    }
  }
}

TEST_F(FfiTest, OnExceedHoldsForAnswersAndForMemory) {
  for (const auto& [what, becomes] :
       {std::pair("servfail", "SERVFAIL"), std::pair("continue", "continue "),
        std::pair("drop", "drop ")}) {
    for (const char* action : {"LuaResponseAction(F)", "LuaFFIResponseAction(F)",
                               "LuaFFIPerThreadResponseAction('return '..T)"}) {
      Load(std::string("setLuaBudget{memory=100000, onExceed='") + what +
           "'}\nlocal T = \"function() local t = {} while true do t[#t + 1] = ('x'):rep(1000)..#t "
           "end end\"\n"
           "local F = loadstring('return '..T)()\naddResponseAction(AllRule(), " +
           action + ")");
      EXPECT_THAT(Ask("a.example A +qr"), HasSubstr(becomes)) << action;
      EXPECT_EQ(Stopped(), 1u) << action;
    }
  }
}

TEST_F(FfiTest, OnExceedIsForStopsNotForErrors) {
  Load("setLuaBudget{onExceed='drop'}\naddAction(AllRule(), LuaAction(function() error('x') end))");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
  EXPECT_THAT(TryLoad("setLuaBudget{onExceed='explode'}"), HasSubstr("onExceed must be"));
}

TEST_F(FfiTest, ANewBudgetReachesTheWorkers) {
  Load(
      "setLuaBudget{instructions=5000}\naddAction(AllRule(), LuaFFIPerThreadAction([[return "
      "function() "
      "for i = 1, 20000 do end return DNSAction.Refused end]]))");
  EXPECT_THAT(Ask("a.example A"), HasSubstr("SERVFAIL"));
  Run("setLuaBudget{instructions=0}");
  now_ = MonoTime::FromMs(150);
  EXPECT_THAT(Ask("a.example A"), HasSubstr("REFUSED"));
}

}  // namespace
}  // namespace breakwater::lua
