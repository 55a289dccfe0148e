#include "proxy/control/control_request.h"

#include <gtest/gtest.h>

namespace breakwater {
namespace {

std::string ErrorOf(std::string_view line) {
  const auto request = ParseControlRequest(line);
  return request ? "accepted" : request.error();
}

TEST(ControlRequest, ReadsAFlush) {
  const auto request = ParseControlRequest(
      R"({"command":"flush","name":"Example.com","suffix":true,"type":"AAAA","hard":true,"pool":"p"})");
  ASSERT_TRUE(request) << request.error();
  EXPECT_EQ(request->command, ControlCommand::kFlush);
  EXPECT_EQ(request->flush.name.ToString(), "Example.com.");
  EXPECT_TRUE(request->flush.suffix);
  EXPECT_TRUE(request->flush.hard);
  EXPECT_EQ(request->flush.type, dns::Type::kAaaa);
  EXPECT_EQ(request->pool, "p");
}

TEST(ControlRequest, AFlushIsSoftAndOfOneNameUnlessItSaysOtherwise) {
  const auto request = ParseControlRequest(R"({"command":"flush","name":"."})");
  ASSERT_TRUE(request) << request.error();
  EXPECT_FALSE(request->flush.suffix);
  EXPECT_FALSE(request->flush.hard);
  EXPECT_FALSE(request->flush.type.has_value());
  EXPECT_FALSE(request->pool.has_value());
}

TEST(ControlRequest, ReadsAServerCommand) {
  const auto request = ParseControlRequest(R"({"command":"server","server":"a","state":"down"})");
  ASSERT_TRUE(request) << request.error();
  EXPECT_EQ(request->server, "a");
  EXPECT_EQ(request->state, ServerState::kDown);
}

TEST(ControlRequest, TakesATokenWithEveryCommandAndKeepsItOutOfTheAuditLog) {
  const std::string error =
      ErrorOf(R"({"command":"flush","name":"a","type":"NOSUCH","token":"secret"})");
  EXPECT_EQ(error, "'NOSUCH' is not a record type");
  const auto status = ParseControlRequest(R"({"command":"status","token":"secret"})");
  ASSERT_TRUE(status) << status.error();
  EXPECT_EQ(status->token, "secret");
  EXPECT_EQ(status->audit_text, "");
  EXPECT_EQ(ErrorOf(R"({"command":"status","token":7})"), "'token' must be a string");
}

TEST(ControlRequest, NamesWhatIsWrong) {
  EXPECT_EQ(ErrorOf(""), "the request is not a JSON object");
  EXPECT_EQ(ErrorOf("[1]"), "the request is not a JSON object");
  EXPECT_EQ(ErrorOf(R"({"command":"status"} x)"), "the request is not a JSON object");
  EXPECT_EQ(ErrorOf("{}"), "'command' is missing");
  EXPECT_EQ(ErrorOf(R"({"command":7})"), "'command' must be a string");
  EXPECT_EQ(ErrorOf(R"({"command":"reboot"})"), "'reboot' is not a command");
  EXPECT_EQ(ErrorOf(R"({"command":"status","x":1})"), "'x' is no member of the command 'status'");
  EXPECT_EQ(ErrorOf(R"({"command":"status","":1})"), "'' is no member of the command 'status'");
  EXPECT_EQ(ErrorOf(R"({"command":"flush"})"), "'name' is missing");
  EXPECT_EQ(ErrorOf(R"({"command":"flush","name":"a","sufix":true})"),
            "'sufix' is no member of the command 'flush'");
  EXPECT_EQ(ErrorOf(R"({"command":"flush","name":"a","suffix":1})"),
            "'suffix' must be true or false");
  EXPECT_EQ(ErrorOf(R"({"command":"flush","name":"a","type":"NOSUCH"})"),
            "'NOSUCH' is not a record type");
  EXPECT_EQ(ErrorOf(R"({"command":"server","server":"a","state":"sideways"})"),
            "'state' must be up, down or auto");
  EXPECT_EQ(ErrorOf(R"({"command":"undo","id":-1})"), "'id' must be a number");
  EXPECT_EQ(ErrorOf(R"({"command":"undo","id":"1"})"), "'id' must be a number");
  EXPECT_TRUE(ErrorOf(R"({"command":"flush","name":"a..b"})").starts_with("'a..b' is not a"));
  EXPECT_TRUE(ErrorOf(R"({"command":"flush","name":""})").starts_with("'' is not a domain name"));
}

TEST(ControlRequest, RefusesWhatIsNotUtf8OrTooLongOrTooDeep) {
  EXPECT_NE(ErrorOf("{\"command\":\"\xff\"}"), "accepted");
  EXPECT_EQ(ErrorOf(std::string(kMaxControlLine + 1, ' ')), "the request is too long");
  EXPECT_NE(ErrorOf(std::string(60000, '[')), "accepted");
  EXPECT_NE(ErrorOf(R"({"command":)" + std::string(60000, '{')), "accepted");
}

TEST(ControlRequest, ReadingNeedsTheLowestRoleAndServersTheOperator) {
  EXPECT_EQ(RequiredRole(ControlCommand::kStatus), Role::kRead);
  EXPECT_EQ(RequiredRole(ControlCommand::kRules), Role::kRead);
  EXPECT_EQ(RequiredRole(ControlCommand::kFlush), Role::kFlush);
  EXPECT_EQ(RequiredRole(ControlCommand::kUndo), Role::kFlush);
  EXPECT_EQ(RequiredRole(ControlCommand::kServer), Role::kOperate);
}

}  // namespace
}  // namespace breakwater
