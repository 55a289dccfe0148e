// AsynchronousObject: what a script has in hand of a suspended query.
#include <gmock/gmock.h>
#include "proxy/query/suspended.h"

#include "tests/lua/ask_fixture.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class AsyncObjectTest : public AskTest {
 protected:
  // Under 1, `number`; goes nowhere.
  void Suspend(uint16_t number, const char* description = "www.example.org A") {
    const QueryPtr query = maker_.Make(description);
    ASSERT_TRUE(config()->settings.suspended->Add(
        {1, number}, std::make_shared<SuspendHome>(nullptr, nullptr), number,
        std::make_unique<HeldMessage>(*query, SelfAnswerStyle())));
  }

  test::QueryMaker maker_;
};

TEST_F(AsyncObjectTest, LetsGoOfTheConfigurationOnceItIsOver) {
  Load("");
  for (const char* end : {"resume", "drop"}) {
    Suspend(1);
    EXPECT_EQ(Run("held = getAsynchronousObject(1, 1) dq = held:getDQ()"), "");
    const std::weak_ptr<const Config> of_then = config();
    EXPECT_EQ(Run("setMaxTCPQueriesPerConnection(1000)"), "");
    EXPECT_FALSE(of_then.expired());
    EXPECT_EQ(Run("return dq.pool"), "\n");
    EXPECT_EQ(Run(std::string("return held:") + end + "()"), "true\n");
    EXPECT_TRUE(of_then.expired()) << end;
    EXPECT_EQ(Run("return held:resume()"), "false\n");
    EXPECT_NE(Run("return dq.pool").find("rror"), std::string::npos);
  }
}

constexpr const char* kAnswer =
    "www.example.org A +qr / answer www.example.org 60 A 192.0.2.1 "
    "/ answer www.example.org 60 A 192.0.2.2";

TEST_F(AsyncObjectTest, WhatItGaveKeepsItAlive) {
  Load("");
  Suspend(1);
  EXPECT_EQ(Run("dq = getAsynchronousObject(1, 1):getDQ() dh = dq.dh dq:setTag('a', 'b')\n"
                "collectgarbage() collectgarbage() return dq:getTag('a')"),
            "b\n");
  EXPECT_EQ(Run("dq = nil collectgarbage() collectgarbage() return dh:getRD()"), "true\n");
  const std::weak_ptr<const Config> of_then = config();
  EXPECT_EQ(Run("dh = nil collectgarbage() collectgarbage() setMaxTCPQueriesPerConnection(1000)"),
            "");
  EXPECT_TRUE(of_then.expired()) << "it was not collected";
}

TEST_F(AsyncObjectTest, MayBeCollectedOrEndedWhileItsTtlsAreEdited) {
  Load("");
  Suspend(1, kAnswer);
  EXPECT_EQ(Run("getAsynchronousObject(1, 1):getDR():editTTLs(function(_, _, _, ttl)\n"
                "collectgarbage() collectgarbage() return ttl end)"),
            "");
  for (const char* end : {"resume", "drop"}) {
    Suspend(2, kAnswer);
    EXPECT_THAT(Run(std::string("held = getAsynchronousObject(1, 2)\n"
                                "held:getDR():editTTLs(function() held:") +
                    end + "() return 1 end)"),
                HasSubstr("editTTLs: the query is over"));
  }
}

struct AlwaysSuspends final : Suspender {
  bool Suspend(Query& query, const SuspendKey&, uint32_t) override {
    query.suspended = 1;
    return true;
  }
};

TEST_F(AsyncObjectTest, ARuleMaySuspendWhileItEditsTtls) {
  AlwaysSuspends suspender;
  suspender_ = &suspender;
  Load(
      "addResponseAction(AllRule(), LuaResponseAction(function(dr) local first = true\n"
      "good, why = pcall(dr.editTTLs, dr, function()\n"
      "if first then dr:suspend(1, 1, 100) first = false end return 1 end)\n"
      "return DNSResponseAction.None end))");
  EXPECT_THAT(Ask(kAnswer), HasSubstr("suspended qr"));
  EXPECT_THAT(Run("why"), HasSubstr("the query is over"));
}

TEST_F(AsyncObjectTest, AnRCodeKeepsItOutOfTheCache) {
  Load("");
  for (const char* records : {"true", "false"}) {
    Suspend(1, kAnswer);
    EXPECT_EQ(Run(std::string("held = getAsynchronousObject(1, 1) held:setRCode(5, ") + records +
                  ") return held:getDR().skipCache"),
              "true\n");
    EXPECT_EQ(Run("return held:drop()"), "true\n");
  }
}

}  // namespace
}  // namespace breakwater::lua
