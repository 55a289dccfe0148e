#include "lua/web_pages.h"

#include <thread>

#include "tests/lua/lua_fixture.h"

namespace breakwater::lua {
namespace {

class WebPagesTest : public LuaTest {
 protected:
  std::optional<WebResponse> Get(const std::string& path, WebRequest request = {}) {
    request.method = "GET";
    request.path = path;
    return configuration_->AnswerPage(request);
  }
  // The body of a page that is there.
  std::string Body(const std::string& path, const WebRequest& request = {}) {
    const auto response = Get(path, request);
    return response ? response->body : "none";
  }
};

TEST_F(WebPagesTest, AFunctionSeesTheRequestAndMakesTheResponse) {
  Load(R"(registerWebHandler('/page', function(req, resp)
    resp.status = 201
    resp.headers = {['X-Mine']='yes'}
    resp.body = req.method .. req.path .. req.version .. req.body .. req.getvars.a ..
                req.headers['content-type'] .. req.postvars.b .. resp.headers['x-mine'] .. resp.status
  end))");
  WebRequest request;
  request.arguments = {{"a", "<1>"}};
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
  request.body = "b=x%20y";
  const auto response = Get("/page", request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 201u);
  EXPECT_EQ(response->body, "GET/page11b=x%20y<1>application/x-www-form-urlencodedx yyes201");
  EXPECT_EQ(response->headers, (WebFields{{"x-mine", "yes"}}));
}

TEST_F(WebPagesTest, OnlyThatPathIsAnsweredAndTheNewestFunctionCounts) {
  Load("registerWebHandler('/a', function(req, resp) resp.body = 'old' end)");
  EXPECT_EQ(Body("/a"), "old");
  EXPECT_EQ(Run("registerWebHandler('/a', function(req, resp) resp.body = 'new' end)"), "");
  EXPECT_EQ(Body("/a"), "new");
  EXPECT_FALSE(Get("/a/"));
  EXPECT_FALSE(Get("/"));
}

TEST_F(WebPagesTest, ABodyThatIsNoFormHasNoFields) {
  Load(
      "registerWebHandler('/a', function(req, resp) resp.body = tostring(next(req.postvars)) end)");
  WebRequest request;
  request.body = "b=1";
  EXPECT_EQ(Body("/a", request), "nil");
}

TEST_F(WebPagesTest, WhatFailsIsAnErrorThatTheClientIsNotTold) {
  Load(R"(registerWebHandler('/error', function(req, resp) resp.body = 'half' error('secret') end)
          registerWebHandler('/status', function(req, resp) resp.status = 99 end)
          registerWebHandler('/header', function(req, resp) resp.headers = {a='b\r\nc: d'} end)
          registerWebHandler('/length', function(req, resp) resp.headers = {['Content-Length']='1'} end)
          registerWebHandler('/request', function(req, resp) req.body = 'x' end)
          registerWebHandler('/big', function(req, resp) resp.body = string.rep('x', 17 * 1024 * 1024) end))");
  uint64_t errors = 0;
  for (const char* path : {"/error", "/status", "/header", "/length", "/request", "/big"}) {
    const auto response = Get(path);
    ASSERT_TRUE(response) << path;
    EXPECT_EQ(response->status, 500u) << path;
    EXPECT_EQ(response->body, "Internal Server Error\n") << path;
    EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaErrors), ++errors) << path;
  }
}

TEST_F(WebPagesTest, AFunctionThatDoesNotEndIsStopped) {
  Load(
      "setLuaBudget{time=20}\nregisterWebHandler('/a', function(req, resp) while true do end end)");
  const auto response = Get("/a");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 500u);
  EXPECT_EQ(configuration_->runtime().Counted(Metric::kLuaStopped), 1u);
}

TEST_F(WebPagesTest, WhatItChangesIsPublished) {
  Load("registerWebHandler('/a', function(req, resp) setServFailWhenNoServer(true) end)");
  EXPECT_FALSE(config()->settings.servfail_when_no_server);
  EXPECT_EQ(Get("/a")->status, 200u);
  EXPECT_TRUE(config()->settings.servfail_when_no_server);
}

TEST_F(WebPagesTest, APathBeginsWithASlashAndTheStateIsNotNeededForOthers) {
  EXPECT_NE(
      TryLoad("registerWebHandler('page', print)").find("a path begins with '/', 'page' does not"),
      std::string::npos);
  Load("registerWebHandler('/a', print)");
  std::optional<WebResponse> other;
  Entry held(configuration_->runtime(), Place::kScript);
  std::thread asker([&] { other = Get("/metrics"); });
  asker.join();
  EXPECT_FALSE(other);
}

}  // namespace
}  // namespace breakwater::lua
