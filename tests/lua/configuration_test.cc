#include "lua/configuration.h"

#include <algorithm>
#include <thread>

#include "lua/registry.h"
#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

class ConfigurationTest : public LuaTest {};

const std::string kQuic = "DNS over QUIC and HTTP/3 are out of scope for now";

TEST_F(ConfigurationTest, AnErrorTellsFileAndLine) {
  EXPECT_EQ(TryLoad("\nerror('broken')"), path_ + ":2: broken");
  EXPECT_EQ(TryLoad("x = \n\n)"), path_ + ":3: unexpected symbol near ')'");
  EXPECT_EQ(TryLoad("\nnewDNSName({})"),
            path_ + ":2: newDNSName: bad argument #1 (name expected, got table)");
}

TEST_F(ConfigurationTest, LongPathsAreToldWhole) {
  path_ = directory_ + "/" + std::string(100, 'a') + ".conf";
  EXPECT_EQ(TryLoad("\nlocal x = nil + 1"),
            path_ + ":2: attempt to perform arithmetic on a nil value");
}

TEST_F(ConfigurationTest, MasksOfClientsHaveNoMoreBitsThanAddresses) {
  for (const char* good : {"V4(32)", "V4Port(16)", "V6(128)"}) {
    EXPECT_EQ(TryLoad("setTCPConnectionsMask" + std::string(good)), "") << good;
  }
  for (const char* bad : {"V4(33)", "V4Port(17)", "V6(129)"}) {
    EXPECT_NE(TryLoad("setTCPConnectionsMask" + std::string(bad)).find("bits at most"),
              std::string::npos)
        << bad;
  }
}

TEST_F(ConfigurationTest, AMissingFileIsAnError) {
  ConfigBuilder builder;
  const auto loaded = Configuration::Load("/nonexistent/x.conf", builder, {});
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().find("/nonexistent/x.conf"), std::string::npos);
}

TEST_F(ConfigurationTest, NamesOfOlderVersionsSayWhyTheyAreNotThere) {
  const std::string name = "requestTCPStatesDump";
  EXPECT_EQ(TryLoad("\n" + name + "()").find(path_ + ":2: " + name + " is not available yet: "),
            0u);
  Load("");
  EXPECT_EQ(Run("show('x')"), "x\n");
}

// Of classes that are bound at all.
TEST_F(ConfigurationTest, EachMethodAndAttributeIsBoundOrHasAReasonWhyNot) {
  ForEachApiName([](ApiKind kind, std::string_view class_name, std::string_view name) {
    if (kind != ApiKind::kMethod && kind != ApiKind::kAttribute) return;
    const ClassRow* const row = FindClass(class_name);
    if (row == nullptr) return;
    const auto is_it = [&](const auto& bound) { return bound.name == name; };
    const bool bound =
        std::ranges::any_of(row->methods, is_it) || std::ranges::any_of(row->attributes, is_it);
    const std::string whole = std::string(class_name) + ":" + std::string(name);
    const bool has_reason = UnavailableText(whole).find("yet: ") != std::string::npos;
    EXPECT_NE(bound, has_reason) << whole;
  });
}

TEST_F(ConfigurationTest, TheFileOfAClientPrintsWhatPrintPrintsAlone) {
  testing::internal::CaptureStdout();
  const std::string text =
      "newServer('192.0.2.1') showServers() showPools() show('shown') "
      "setVerboseHealthChecks(true)\n"
      "addDOHLocal('127.0.0.1:0', nil, nil, '/', {internalPipeBufferSize=1}) print('printed', 1)";
  const std::string error = TryLoad(text, {.client = true});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "printed\t1\n");
  EXPECT_EQ(error, "");
}

TEST_F(ConfigurationTest, NamesNotBuiltYetExistAndSaySo) {
  EXPECT_EQ(TryLoad("\n\naddDOQLocal('127.0.0.1')"),
            path_ + ":3: addDOQLocal is not available yet: " + kQuic);
  Load("if addDOQLocal then there = 'yes' end");
  EXPECT_EQ(Run("there"), "yes\n");
}

TEST_F(ConfigurationTest, EveryFunctionOfTheInterfaceExists) {
  Load("");
  ForEachApiName([&](ApiKind kind, std::string_view, std::string_view name) {
    if (kind != ApiKind::kFunction || name == "maintenance" || name == "threadmessage") return;
    EXPECT_EQ(Run("type(" + std::string(name) + ")"), "function\n") << name;
  });
}

TEST_F(ConfigurationTest, EveryBoundFunctionHasHelp) {
  const auto check = [](const FunctionRow& row, const std::string& prefix) {
    EXPECT_EQ(std::string(row.signature).find(prefix + row.name), 0u) << row.signature;
    EXPECT_GT(std::string(row.help).size(), 8u) << row.name;
    EXPECT_EQ(row.help[std::string(row.help).size() - 1], '.') << row.name;
  };
  int functions = 0;
  ForEachFunction([&](const FunctionRow& row) {
    check(row, "");
    ++functions;
  });
  EXPECT_GT(functions, 10);
  ForEachClass([&](const ClassRow& row) {
    EXPECT_GT(std::string(row.help).size(), 8u) << row.name;
    for (const FunctionRow& method : row.methods) check(method, std::string(row.name) + ":");
    for (const AttributeRow& attribute : row.attributes) {
      EXPECT_GT(std::string(attribute.help).size(), 8u) << row.name << "." << attribute.name;
    }
  });
}

TEST_F(ConfigurationTest, HelpListsAndExplains) {
  Load("");
  EXPECT_NE(Run("help()").find("\nnewDNSName(name) -> DNSName\n"), std::string::npos);
  EXPECT_EQ(Run("help('newCA')"), "newCA(address) -> ComboAddress: Makes an address from text.\n");
  EXPECT_EQ(Run("help('addDOQLocal')"), "addDOQLocal is not available yet: " + kQuic + "\n");
  EXPECT_NE(Run("help('DNSName')").find("DNSName:chopOff() -> bool"), std::string::npos);
}

TEST_F(ConfigurationTest, TheConsolePrintsExpressionsAndRunsStatements) {
  Load("");
  EXPECT_EQ(Run("1+1"), "2\n");
  EXPECT_EQ(Run("10/2"), "5\n");
  EXPECT_EQ(Run("x = 3"), "");
  EXPECT_EQ(Run("x"), "3\n");
  EXPECT_EQ(Run("return 5"), "5\n");
  EXPECT_EQ(Run("nil"), "");
  EXPECT_EQ(Run("'abc'"), "abc\n");
  EXPECT_EQ(Run("{1, 2}"), "{\"1\": 1, \"2\": 2}\n");
  EXPECT_EQ(Run("{a='b', [2]={true}}"), "{\"2\": {\"1\": true}, \"a\": \"b\"}\n");
  EXPECT_EQ(Run("print('x', 1, newCA('192.0.2.1'))"), "x\t1\t192.0.2.1\n");
  EXPECT_EQ(Run("newDNSName('www.Example.com')"), "www.Example.com.\n");
}

TEST_F(ConfigurationTest, ConsoleErrorsAreText) {
  Load("");
  EXPECT_EQ(Run("nothing()").find("Error: "), 0u);
  EXPECT_EQ(Run("x y").find("Error: [string \"x y\"]:1: "), 0u);
}

TEST_F(ConfigurationTest, AStrictTableOfGlobalsIsNoTrouble) {
  Load(
      "setmetatable(_G, {__index = function(_, name) error('no global ' .. name) end})\n"
      "tostring = nil");
  configuration_->Maintenance();
  EXPECT_EQ(configuration_->Complete("nosuch.x"), std::vector<std::string>());
  EXPECT_NE(Run("print(1)").find("attempt to call a nil value"), std::string::npos);
  EXPECT_NE(Run("nosuch").find("no global nosuch"), std::string::npos);
}

TEST_F(ConfigurationTest, CompletesNames) {
  Load("name = newDNSName('a')");
  EXPECT_EQ(configuration_->Complete("newDNSN"),
            (std::vector<std::string>{"newDNSName", "newDNSNameFromRaw", "newDNSNameSet"}));
  EXPECT_EQ(configuration_->Complete("DNSQType.AAA"), (std::vector<std::string>{"DNSQType.AAAA"}));
  EXPECT_EQ(configuration_->Complete("name:chop"), (std::vector<std::string>{"name:chopOff"}));
}

TEST_F(ConfigurationTest, MaintenanceRunsAndItsErrorsAreCounted) {
  Load("count = 0\nfunction maintenance() count = count + 1 if count > 1 then error('x') end end");
  configuration_->Maintenance();
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 0u);
  configuration_->Maintenance();
  EXPECT_EQ(Run("count"), "2\n");
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), 1u);
}

TEST_F(ConfigurationTest, AnEndMakesWhatRunsFailAndExitCallbacksStillRun) {
  const std::string begun = directory_ + "/begun";
  Load("count = 0\naddMaintenanceCallback(function() count = count + 1 end)\n" +
       ("addExitCallback(function() io.open('" + begun + "2', 'w'):close() end)"));
  std::string said;
  std::thread console([&] {
    said = Run("io.open('" + begun +
               "', 'w'):close() while true do pcall(function() while true do end end) end");
  });
  while (access(begun.c_str(), F_OK) != 0) std::this_thread::yield();
  EXPECT_TRUE(configuration_->Close());
  console.join();
  EXPECT_NE(said.find("stopped: the program ends"), std::string::npos) << said;
  EXPECT_EQ(Run("return 1"), "Error: the program ends\n");
  configuration_->RunExitCallbacks();
  EXPECT_EQ(access((begun + "2").c_str(), F_OK), 0);
}

TEST_F(ConfigurationTest, AWorkerWaitsForTheStateOnlySoLong) {
  Load("");
  Entry held(configuration_->runtime(), Place::kScript);
  bool entered = true;
  std::thread worker([&] {
    Entry entry(configuration_->runtime(), 5u);
    entered = entry.entered();
  });
  worker.join();
  EXPECT_FALSE(entered);
}

}  // namespace
}  // namespace breakwater::lua
