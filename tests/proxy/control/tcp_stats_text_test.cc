#include "proxy/control/tcp_stats_text.h"

#include <gtest/gtest.h>

#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

TEST(TcpStatsText, ShowsFrontendsAndBackendsInColumns) {
  FakeTarget target;
  const BackendPtr backend = target.AddBackend("one", "192.0.2.1");
  backend->counters().tcp_new_connections.Add(15);
  auto frontend = std::make_shared<Frontend>();
  frontend->settings.address = *Address::Parse("127.0.0.1:53");
  frontend->settings.protocol = Protocol::kDoTcp;
  frontend->tcp_connections.Add(2);
  frontend->tcp_connection_queries.Add(5);
  target.config->frontends = {frontend};
  const std::string text = TcpStatsText(*target.config, {.workers = 4, .queued = 3});
  EXPECT_TRUE(
      text.starts_with("Workers      Max Workers  Queued       Max Queued  \n"
                       "4            4            3            10000       \n"
                       "\nFrontends:\n#   Address              Connections  "))
      << text;
  EXPECT_NE(text.find("0   127.0.0.1:53         0                    0     "), std::string::npos);
  EXPECT_NE(text.find(" 2.500000             0.000000  "), std::string::npos) << text;
  EXPECT_NE(text.find("\nBackends:\n#   Name                 Address              Connections  "),
            std::string::npos);
  EXPECT_NE(text.find("0   one                  192.0.2.1:53         0   "), std::string::npos);
  EXPECT_NE(text.find(" 15                   0 "), std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
