#include "proxy/web/api_json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/proxy/control/fake_target.h"

namespace breakwater::test {
namespace {

using nlohmann::json;

TEST(ApiJson, ServersTellTheirRatesAsTheConsoleDoes) {
  FakeTarget target;
  const BackendPtr server = target.AddBackend("one", "192.0.2.1");
  target.AddPool("", nullptr);
  ServerRates rates;
  rates.Take({server}, MonoTime::FromSeconds(10));
  server->counters().queries.Add(30);
  server->counters().timeouts.Add(5);
  server->counters().tls_resumptions.Add(2);
  rates.Take({server}, MonoTime::FromSeconds(12));
  const json told = json::parse(JsonServersPage(target, rates))["servers"][0];
  EXPECT_EQ(told["qps"], 15);
  EXPECT_EQ(told["dropRate"], 2.5);
  EXPECT_EQ(told["reuseds"], 5);
  EXPECT_EQ(told["tlsResumptions"], 2);
}

TEST(ApiJson, EveryFrontendHasTheCountersOfTls) {
  FakeTarget target;
  auto frontend = std::make_shared<Frontend>();
  frontend->settings.address = *Address::Parse("127.0.0.1:53");
  target.config->frontends = {frontend};
  const json told = json::parse(JsonServersPage(target, ServerRates()))["frontends"][0];
  for (const char* name :
       {"tls10Queries", "tls11Queries", "tls12Queries", "tls13Queries", "tlsUnknownQueries",
        "tlsNewSessions", "tlsResumptions", "tlsUnknownTicketKey", "tlsInactiveTicketKey"}) {
    EXPECT_EQ(told.value(name, -1), 0) << name;
  }
  for (const char* reason :
       {"DHKeyTooSmall", "InappropriateFallBack", "NoSharedCipher", "UnknownCipher",
        "UnknownKeyExchangeType", "UnknownProtocol", "UnsupportedEC", "UnsupportedProtocol"}) {
    EXPECT_EQ(told.value(std::string("tlsHandshakeFailures") + reason, -1), 0) << reason;
  }
}

}  // namespace
}  // namespace breakwater::test
