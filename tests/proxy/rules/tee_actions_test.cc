#include "proxy/rules/actions/tee_actions.h"

#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "proxy/base/unique_fd.h"
#include "proxy/dns/client_subnet.h"
#include "tests/proxy/rules/rule_harness.h"

namespace breakwater::test {
namespace {

class TeeActionTest : public RuleHarness {
 protected:
  TeeActionTest() : server_(socket(AF_INET, SOCK_DGRAM, 0)) {
    address_ = *Address::Parse("127.0.0.1:0");
    EXPECT_EQ(bind(server_.get(), address_.sockaddr_ptr(), address_.sockaddr_length()), 0);
    socklen_t length = Address::kCapacity;
    getsockname(server_.get(), address_.mutable_sockaddr(), &length);
    tee_ = TeeSocket::Open(address_, Address()).value();
  }
  // The next copy, and who sent it; empty where none came.
  std::vector<uint8_t> Copy(Address* sender = nullptr) const {
    std::vector<uint8_t> bytes(65535);
    pollfd readable{.fd = server_.get(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, 0) != 1) return {};
    Address from = *Address::Parse("127.0.0.1");
    socklen_t length = Address::kCapacity;
    const ssize_t size =
        recvfrom(server_.get(), bytes.data(), bytes.size(), 0, from.mutable_sockaddr(), &length);
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (sender != nullptr) *sender = from;
    return bytes;
  }
  std::vector<uint8_t> Apply(const TeeOptions& options, std::string_view description) {
    const QueryPtr query = maker_.Make(description);
    const std::vector<uint8_t> before(query->message().begin(), query->message().end());
    EXPECT_EQ(MakeTeeAction(tee_, options)->Apply(*query, context_), Flow::kContinue);
    EXPECT_EQ(before, std::vector<uint8_t>(query->message().begin(), query->message().end()));
    EXPECT_FALSE(query->ecs_added);
    return before;
  }

  UniqueFd server_;
  Address address_;
  std::shared_ptr<TeeSocket> tee_;
};

std::optional<Netmask> SubnetIn(std::vector<uint8_t> copy) {
  const auto question = dns::ParseQuestion(copy);
  const auto edns = dns::FindEdns(copy, question->end());
  const auto option = dns::FindOption(copy, *edns, dns::OptionCode::kClientSubnet);
  if (!option) return std::nullopt;
  const auto subnet = dns::ParseClientSubnet(*option);
  return subnet ? std::optional(subnet->source) : std::nullopt;
}

TEST_F(TeeActionTest, TheCopyIsTheQueryAsItStands) {
  const auto query = Apply({}, "www.example.org AAAA +id=4711 from=192.0.2.9:4000");
  EXPECT_EQ(Copy(), query);
  EXPECT_EQ(MakeTeeAction(tee_, {})->ToString(), "tee to " + address_.ToStringWithPort());
  EXPECT_EQ(tee_->counts().queries, 1U);
}

TEST_F(TeeActionTest, ACopyMayTellTheClientsNetworkAndTheQueryDoesNot) {
  context_.client_subnet = {.overriding = false, .prefix_v4 = 16, .prefix_v6 = 48};
  Apply({.client_subnet = true}, "www.example.org from=192.0.2.9:4000");
  EXPECT_EQ(SubnetIn(Copy()), *Netmask::Parse("192.0.0.0/16"));
}

TEST_F(TeeActionTest, APROXYHeaderStandsInFront) {
  const auto query = Apply({.proxy_header = true}, "www.example.org from=192.0.2.9:4000");
  const auto copy = Copy();
  ASSERT_GT(copy.size(), query.size() + 16);
  EXPECT_EQ(std::vector<uint8_t>(copy.end() - static_cast<ptrdiff_t>(query.size()), copy.end()),
            query);
  EXPECT_EQ(copy[12], 0x21);
}

TEST_F(TeeActionTest, QueriesOverStreamsAreOnlyCounted) {
  Apply({}, "www.example.org +tcp");
  EXPECT_TRUE(Copy().empty());
  EXPECT_EQ(MakeTeeAction(tee_, {})->Stats().at("tcp-drops"), 1);
  EXPECT_EQ(MakeTeeAction(tee_, {})->Stats().at("queries"), 0);
  tee_->Count(counters_);
  EXPECT_EQ(counters_.Get(Metric::kTeeDropped), 1U);
}

TEST_F(TeeActionTest, AnswersAreCountedByRcodeOnce) {
  tee_->Start();
  auto query = Apply({}, "www.example.org");
  Address sender;
  Copy(&sender);
  query[2] |= 0x80;
  for (const int rcode : {0, 3, 3, 5, 2, 9}) {
    query[3] = static_cast<uint8_t>(rcode);
    sendto(server_.get(), query.data(), query.size(), 0, sender.sockaddr_ptr(),
           sender.sockaddr_length());
  }
  while (tee_->counts().responses < 6) std::this_thread::yield();
  const auto stats = MakeTeeAction(tee_, {})->Stats();
  EXPECT_EQ(stats.at("noerrors"), 1);
  EXPECT_EQ(stats.at("nxdomains"), 2);
  EXPECT_EQ(stats.at("refuseds"), 1);
  EXPECT_EQ(stats.at("servfails"), 1);
  EXPECT_EQ(stats.at("other-rcode"), 1);
  tee_->Count(counters_);
  tee_->Count(counters_);
  EXPECT_EQ(counters_.Get(Metric::kTeeResponses), 6U);
  EXPECT_EQ(counters_.Get(Metric::kTeeSent), 1U);
  tee_->AskToStop();
  while (!tee_->Ended()) std::this_thread::yield();
}

TEST_F(TeeActionTest, ASocketThatTakesNothingIsACountedDrop) {
  tee_ = std::make_shared<TeeSocket>(address_, UniqueFd(), UniqueFd());
  Apply({}, "www.example.org");
  EXPECT_EQ(tee_->counts().send_errors, 1U);
}

TEST_F(TeeActionTest, AServerThatCannotBeSentToIsAnError) {
  const auto opened = TeeSocket::Open(address_, *Address::Parse("192.0.2.77"));
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("cannot send from 192.0.2.77: "), std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
