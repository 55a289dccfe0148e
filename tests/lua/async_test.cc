// AsynchronousObject: what a script has in hand of a suspended query.
#include "proxy/query/suspended.h"
#include "tests/lua/lua_fixture.h"
#include "tests/support/query_maker.h"

namespace breakwater::lua {
namespace {

class AsyncObjectTest : public LuaTest {
 protected:
  // Under 1, `number`; goes nowhere.
  void Suspend(uint16_t number) {
    const QueryPtr query = maker_.Make("www.example.org A");
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

}  // namespace
}  // namespace breakwater::lua
