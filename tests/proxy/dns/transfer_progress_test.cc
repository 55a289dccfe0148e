#include "proxy/dns/transfer_progress.h"

#include <gtest/gtest.h>

#include "tests/support/query_maker.h"

namespace breakwater::dns {
namespace {

using breakwater::test::QueryMaker;
using State = TransferProgress::State;
using Bytes = std::vector<uint8_t>;

std::string Soa(uint32_t serial) {
  return " / answer zone.example 60 SOA ns.example. host.example. " + std::to_string(serial) +
         " 1 1 1 1";
}
const std::string kA = " / answer www.zone.example 60 A 192.0.2.1";

std::optional<TransferProgress> Progress(const std::string& query) {
  const Bytes message = QueryMaker::Message(query);
  return TransferProgress::Of(message, *ParseQuestion(message));
}

// What is said after each of the messages, one letter each: m(ore), o(ver), b(roken).
std::string Answers(const std::string& query, const std::vector<std::string>& messages) {
  auto progress = Progress(query);
  EXPECT_TRUE(progress.has_value());
  std::string said;
  for (const std::string& records : messages) {
    const State state = progress->Take(QueryMaker::Message("zone.example AXFR +qr" + records));
    said += state == State::kMore ? 'm' : state == State::kOver ? 'o' : 'b';
  }
  return said;
}

const std::string kAxfr = "zone.example AXFR";
const std::string kIxfr =
    "zone.example IXFR / authority zone.example 60 SOA ns.example. host.example. 5 1 1 1 1";

TEST(TransferProgressTest, OnlyQueriesForTransfersHaveOne) {
  EXPECT_FALSE(Progress("zone.example SOA"));
  EXPECT_FALSE(Progress("zone.example AXFR +opcode=4"));
  EXPECT_TRUE(Progress("zone.example AXFR"));
  EXPECT_TRUE(Progress("zone.example IXFR"));
}

TEST(TransferProgressTest, AZoneEndsWithItsSoaInWhateverMessage) {
  EXPECT_EQ(Answers(kAxfr, {Soa(7) + kA + Soa(7)}), "o");
  EXPECT_EQ(Answers(kAxfr, {Soa(7), kA, kA, "", kA + Soa(7)}), "mmmmo");
  EXPECT_EQ(Answers(kAxfr, {Soa(7) + kA, Soa(7)}), "mo");
  EXPECT_EQ(Answers(kAxfr, {Soa(7), Soa(7)}), "mo");
  // A zone that changed meanwhile ends all the same.
  EXPECT_EQ(Answers(kAxfr, {Soa(7) + kA, kA + Soa(8)}), "mo");
}

TEST(TransferProgressTest, AnErrorOrAnAnswerThatIsNoTransferIsTheOnlyMessage) {
  EXPECT_EQ(Answers(kAxfr, {" +rcode=5"}), "o");
  EXPECT_EQ(Answers(kAxfr, {""}), "o");
  EXPECT_EQ(Answers(kAxfr, {kA}), "o");
  EXPECT_EQ(Answers(kAxfr, {Soa(7) + kA, " +rcode=2"}), "mo");
}

TEST(TransferProgressTest, AnSoaAloneSaysThatTheClientIsUpToDate) {
  EXPECT_EQ(Answers(kIxfr, {Soa(5)}), "o");
  EXPECT_EQ(Answers(kIxfr, {Soa(4294967295)}), "o");  // older, by serial number arithmetic
  EXPECT_EQ(Answers("zone.example IXFR", {Soa(5)}), "o");
  // A newer one begins a transfer whose messages are short.
  EXPECT_EQ(Answers(kIxfr, {Soa(6), kA, Soa(6)}), "mmo");
}

TEST(TransferProgressTest, DifferencesEndWhereTheNewSoaComesForTheThirdTime) {
  EXPECT_EQ(Answers(kIxfr, {Soa(6) + Soa(5) + kA + Soa(6) + kA + Soa(6)}), "o");
  EXPECT_EQ(Answers(kIxfr, {Soa(6) + Soa(5), kA + Soa(6), kA, Soa(6)}), "mmmo");
  // Two steps, nothing added in the first, nothing deleted in the second.
  EXPECT_EQ(Answers(kIxfr, {Soa(7) + Soa(5) + kA + Soa(6), Soa(6) + Soa(7) + kA, Soa(7)}), "mmo");
}

TEST(TransferProgressTest, AWholeZoneMayAnswerAnIxfr) {
  EXPECT_EQ(Answers(kIxfr, {Soa(6) + kA, kA + Soa(6)}), "mo");
  EXPECT_EQ(Answers(kIxfr, {Soa(6) + Soa(6)}), "o");
}

TEST(TransferProgressTest, WhatDoesNotParseIsBroken) {
  auto progress = Progress(kAxfr);
  Bytes cut = QueryMaker::Message("zone.example AXFR +qr" + Soa(7) + kA);
  cut.pop_back();
  EXPECT_EQ(progress->Take(cut), State::kBroken);
  EXPECT_EQ(Progress(kAxfr)->Take(Bytes(12)), State::kOver);  // no question, no record
  // An SOA too short for its numbers: eleven octets.
  Bytes shrunk = QueryMaker::Message(
      "zone.example AXFR +qr / answer zone.example 60 TYPE65280 "
      "0000000000000000000000");
  shrunk[shrunk.size() - 11 - 10] = 0;
  shrunk[shrunk.size() - 11 - 9] = 6;
  EXPECT_EQ(Progress(kAxfr)->Take(shrunk), State::kBroken);
}

}  // namespace
}  // namespace breakwater::dns
