#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

class PreludeTest : public LuaTest {};

TEST_F(PreludeTest, KnowsTheFunctionsOfLua51) {
  Load("");
  EXPECT_EQ(Run("select('#', unpack({1, 2, 3}))"), "3\n");
  EXPECT_EQ(Run("loadstring('return 7')()"), "7\n");
  EXPECT_EQ(Run("table.getn({1, 2})"), "2\n");
  EXPECT_EQ(Run("math.pow(2, 10)"), "1024\n");
  EXPECT_EQ(Run("table.maxn({[7]=1})"), "7\n");
}

TEST_F(PreludeTest, WholeNumbersHaveNoFraction) {
  Load("");
  EXPECT_EQ(Run("print(100/10)"), "10\n");
  EXPECT_EQ(Run("string.format('%d', 3.0)"), "3\n");
  EXPECT_EQ(Run("string.format('%d%% %s', 3.7, 4/2)"), "3% 2\n");
  EXPECT_EQ(Run("string.format('%x %5.1f', 255.0, 1.25)"), "ff   1.2\n");
}

TEST_F(PreludeTest, ChangesTheEnvironmentOfAFunction) {
  Load("function f() return y end\nlocal function g() return y end\nold = g");
  EXPECT_EQ(Run("y = 1 setfenv(f, {y = 2}) print(f(), old())"), "2\t1\n");
  EXPECT_EQ(Run("getfenv(f).y"), "2\n");
  EXPECT_EQ(Run("getfenv(old) == _G"), "true\n");
}

TEST_F(PreludeTest, HasTheBitLibrary) {
  Load("bit = require('bit')");
  EXPECT_EQ(Run("bit.band(0xff, 0x0f)"), "15\n");
  EXPECT_EQ(Run("bit.bor(1, 2, 4)"), "7\n");
  EXPECT_EQ(Run("bit.bnot(0)"), "-1\n");
  EXPECT_EQ(Run("bit.lshift(1, 31)"), "-2147483648\n");
  EXPECT_EQ(Run("bit.rshift(-1, 28)"), "15\n");
  EXPECT_EQ(Run("bit.arshift(-8, 1)"), "-4\n");
  EXPECT_EQ(Run("bit.tohex(255)"), "000000ff\n");
  EXPECT_EQ(Run("bit.rol(0x80000001, 1)"), "3\n");
  EXPECT_EQ(Run("bit.bswap(0x01020304)"), "67305985\n");
}

TEST_F(PreludeTest, TheDebugLibraryLeavesFunctionsAndObjectsOfOursAlone) {
  Load("ffi = require('ffi')\nlocal one = 1\nfunction get() return one end");
  for (const char* function : {"newDNSName", "ffi.C.dnsdist_ffi_hash", "os.execute"}) {
    EXPECT_NE(Run(std::string("debug.setupvalue(") + function + ", 1, nil)")
                  .find("Lua function expected"),
              std::string::npos)
        << function;
  }
  EXPECT_EQ(Run("newDNSName('x')"), "x.\n");
  EXPECT_EQ(Run("print(debug.setupvalue(get, 1, 2), get())"), "one\t2\n");
  EXPECT_EQ(Run("return debug.setupvalue(get, 2, 2) == nil"), "true\n");
  EXPECT_NE(Run("debug.setmetatable(newCA('192.0.2.1'), debug.getmetatable(newDNSName('x')))")
                .find("debug.setmetatable: not of an object"),
            std::string::npos);
  EXPECT_EQ(Run("debug.setmetatable(5, {__index={two=2}}) return (7).two"), "2\n");
}

}  // namespace
}  // namespace breakwater::lua
