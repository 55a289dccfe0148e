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

TEST_F(PreludeTest, AListOfWholeNumbersIsJoinedWithoutFractions) {
  Load("");
  EXPECT_EQ(Run("table.concat({10/2, 3.5, 6/2, 'x', 2^53}, ',')"),
            "5,3.5,3,x,9.007199254741e+15\n");
  EXPECT_EQ(Run("table.concat({1, 4/2, 6/2}, '-', 2, 3.9)"), "2-3\n");
  EXPECT_EQ(Run("local t = {4/2} table.concat(t) return math.type(t[1])"), "float\n");
  EXPECT_EQ(Run("table.concat({1, 2}) .. table.concat({}, ',') .. table.concat({8/2})"), "124\n");
  EXPECT_NE(Run("table.concat({4/2, {}})").find("at index 2 in table for 'concat'"),
            std::string::npos);
}

TEST_F(PreludeTest, LibraryFunctionsCutFractionsOff) {
  Load("");
  EXPECT_EQ(Run("string.rep('x', 5/2) .. ('abc'):sub(3/2) .. ('abc'):sub(1, 5/2)"), "xxabcab\n");
  EXPECT_EQ(Run("print(('abc'):byte(1.5), string.char(65.5, 66), ('x'):rep('2.5'))"),
            "97\tAB\txx\n");
  EXPECT_EQ(Run("print(('aXbX'):find('X', 2.5), ('ab'):gsub('.', 'x', 1.5))"), "2\txb\t1\n");
  EXPECT_EQ(Run("print(select(1.5, 'a', 'b'))"), "a\tb\n");
  EXPECT_EQ(Run("print(unpack({1, 2, 3}, 1, 2.5))"), "1\t2\n");
  EXPECT_EQ(Run("local n = math.random(10/3) return n >= 1 and n <= 3"), "true\n");
  EXPECT_EQ(Run("local n = math.random(1, 5/2) return n == 1 or n == 2"), "true\n");
  EXPECT_EQ(Run("math.randomseed(7) local a = math.random(1000) math.randomseed(7) "
                "return a == math.random(1000)"),
            "true\n");
  EXPECT_EQ(Run("local t = {1, 3} table.insert(t, 2.5, 2.5) print(t[2], table.remove(t, 1.5), #t)"),
            "2.5\t1\t2\n");
  EXPECT_EQ(Run("local t = {} table.insert(t, 2.5) return t[1]"), "2.5\n");
  EXPECT_EQ(Run("os.date('!%Y', 1.5)"), "1970\n");
  EXPECT_EQ(Run("os.time{year=2020, month=1, day=1.5, hour=12} == "
                "os.time{year=2020, month=1, day=1, hour=12}"),
            "true\n");
}

TEST_F(PreludeTest, ErrorsOfLibraryFunctionsTellTheirNameAndTheLine) {
  Load("");
  const std::string said = Run("string.rep('x')");
  EXPECT_NE(said.find(":1: bad argument #2 to 'rep' (number expected"), std::string::npos) << said;
  EXPECT_NE(Run("('x'):sub({})").find("bad argument #1 to 'sub'"), std::string::npos);
  EXPECT_NE(Run("os.time{year=2020}").find("missing in date table"), std::string::npos);
  EXPECT_NE(Run("select('x')").find("bad argument #1 to 'select'"), std::string::npos);
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
