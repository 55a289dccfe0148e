// addDOHLocal and what it refuses.
#include "proxy/query/doh_frontend.h"
#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

using DohTest = LuaTest;

TEST_F(DohTest, AListenerWithoutCertificateIsInTheClear) {
  Load(R"(addDOHLocal("127.0.0.1")
          addDOHLocal("127.0.0.1:8053", "", "", {"/a", "/b"}, {
            idleTimeout=7, customResponseHeaders={["X-B"]="2", a="1"}, sendCacheControlHeaders=false,
            trustForwardedForHeader=true, exactPathMatching=false, keepIncomingHeaders=true,
            earlyACLDrop=false, library="h2o", internalPipeBufferSize=1, serverTokens="x"}))");
  const auto& frontends = config()->frontends;
  ASSERT_EQ(frontends.size(), 2u);
  EXPECT_EQ(frontends[0]->settings.address.ToStringWithPort(), "127.0.0.1:80");
  EXPECT_EQ(frontends[0]->doh->settings.paths, std::vector<std::string>{"/dns-query"});
  EXPECT_EQ(frontends[0]->TypeText(), "TCP (DNS over HTTP)");
  const DohSettings& settings = frontends[1]->doh->settings;
  EXPECT_EQ(settings.paths, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(settings.response_headers, (HttpHeaders{{"a", "1"}, {"x-b", "2"}, {"server", "x"}}));
  EXPECT_EQ(settings.idle_timeout_s, 7u);
  EXPECT_TRUE(settings.trust_forwarded_for && settings.keep_headers);
  EXPECT_FALSE(settings.cache_control || settings.exact_paths || settings.early_acl_drop);
  EXPECT_EQ(Run("getDOHFrontendCount()"), "2\n");
  EXPECT_EQ(Run("getDOHFrontend(1):getAddressAndPort()"), "127.0.0.1:8053\n");
  EXPECT_NE(Run("getDOHFrontend(0):reloadCertificates()").find("there is no TLS"),
            std::string::npos);
}

TEST_F(DohTest, MistakesAreTold) {
  const auto fails = [&](const std::string& line, const std::string& reason) {
    EXPECT_NE(TryLoad(line).find(reason), std::string::npos) << line << ": " << TryLoad(line);
  };
  fails(R"(addDOHLocal("127.0.0.1", nil, nil, {"dns"}))", "begins with '/'");
  fails(R"(addDOHLocal("127.0.0.1", nil, nil, "/", {library="x"}))", "neither nghttp2 nor h2o");
  fails(R"(addDOHLocal("127.0.0.1", "/nowhere.pem", "/nowhere.key"))", "/nowhere.pem");
  fails(R"(newDOHResponseMapEntry("[", 200, ""))", "no regular expression");
  fails(R"(newDOHResponseMapEntry("/", 700, ""))", "no status of HTTP");
  fails(R"(newDOHResponseMapEntry("/", 200, "", {a="1\r\nb: 2"}))", "control characters");
  fails(R"(newDOHResponseMapEntry("/", 200, string.rep("x", 65536)))", "at most 65535");
  fails(R"(newDOHResponseMapEntry("/", 200, "", {["content-length"]="1"}))", "cannot be set");
  fails(R"(HTTPPathRegexRule("["))", "no regular expression");
  fails(R"(HTTPStatusAction(99, ""))", "no status of HTTP");
}

TEST_F(DohTest, MapsMayBeReplaced) {
  Load(R"(addDOHLocal("127.0.0.1"))");
  EXPECT_EQ(Run(R"(getDOHFrontend(0):setResponsesMap({newDOHResponseMapEntry("^/$", 200, "x")}))"),
            "");
  const auto map =
      config()->frontends[0]->doh->responses.With([](const auto& held) { return held; });
  ASSERT_EQ(map->size(), 1u);
  EXPECT_EQ(map->front()->content, "x");
}

}  // namespace
}  // namespace breakwater::lua
