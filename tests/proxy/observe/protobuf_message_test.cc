#include "proxy/observe/protobuf_message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <protozero/pbf_message.hpp>

#include "proxy/base/text.h"
#include "proxy/observe/dnstap_message.h"
#include "proxy/observe/protobuf_metas.h"
#include "tests/support/query_maker.h"

namespace breakwater::test {
namespace {

// Every field by number: numbers as text, all else as the octets it has; repeated ones in order.
using Fields = std::multimap<uint32_t, std::string>;
Fields Decode(std::string_view bytes) {
  Fields fields;
  protozero::pbf_reader reader(protozero::data_view(bytes.data(), bytes.size()));
  while (reader.next()) {
    const uint32_t number = reader.tag();  // gone once its value was read
    std::string value;
    switch (reader.wire_type()) {
      case protozero::pbf_wire_type::varint:
        value = std::to_string(reader.get_uint64());
        break;
      case protozero::pbf_wire_type::fixed32:
        value = std::to_string(reader.get_fixed32());
        break;
      default:
        value = reader.get_bytes();
    }
    fields.emplace(number, value);
  }
  return fields;
}
std::vector<std::string> All(const Fields& fields, uint32_t number) {
  std::vector<std::string> values;
  const auto [begin, end] = fields.equal_range(number);
  std::transform(begin, end, std::back_inserter(values),
                 [](const auto& field) { return field.second; });
  return values;
}
std::string One(const Fields& fields, uint32_t number) {
  const auto values = All(fields, number);
  return values.size() == 1 ? values.front() : "not there once";
}

class ProtobufTest : public testing::Test {
 protected:
  QueryPtr Make(std::string_view description) {
    QueryPtr query = maker_.Make(description);
    query->arrived = SystemClock().Now() - MonoTime::FromMs(1500);
    return query;
  }
  Fields Told(const Query& query) { return Decode(EncodeProtobuf(ProtobufOf(query))); }

  QueryMaker maker_;
};

TEST_F(ProtobufTest, AQueryTellsWhoAskedWhat) {
  const QueryPtr query = Make("Www.q AAAA from=192.0.2.1:4711 to=[2001:db8::1]:53 +id=77 +cd");
  const Fields told = Told(*query);
  EXPECT_EQ(One(told, 1), "1");
  EXPECT_EQ(One(told, 4), "1");
  EXPECT_EQ(One(told, 5), "1");
  EXPECT_EQ(One(told, 6), std::string("\xc0\0\2\1", 4));
  EXPECT_EQ(One(told, 7).size(), 16u);
  EXPECT_EQ(One(told, 8), std::to_string(query->size));
  EXPECT_EQ(One(told, 11), "77");
  const Fields question = Decode(One(told, 12));
  EXPECT_EQ(One(question, 1), "Www.q.");
  EXPECT_EQ(One(question, 2), "28");
  EXPECT_EQ(One(question, 3), "1");
  EXPECT_EQ(One(told, 20), "4711");
  EXPECT_EQ(One(told, 21), "53");
  EXPECT_EQ(One(told, 28), std::to_string(0x01 | 0x10 << 8));  // RD, CD: octets as they stand
  EXPECT_TRUE(All(told, 26).empty());
  EXPECT_TRUE(All(Decode(One(told, 13)), 1).empty()) << "a query has no rcode";
}

TEST_F(ProtobufTest, TheTimeIsThatOfArrivalAndAnAnswersItsOwn) {
  const int64_t before = WallNow().seconds;
  const QueryPtr asked = Make("a.b");
  const ProtobufMessage query = ProtobufOf(*asked);
  EXPECT_EQ(query.time.seconds, query.query_time.seconds);
  EXPECT_EQ(query.time.nanoseconds, query.query_time.nanoseconds);
  for (const WallTime& again : {ProtobufOf(*asked).query_time, DnstapOf(*asked).query_time}) {
    EXPECT_EQ(again.seconds, query.query_time.seconds) << "one query, one time";
    EXPECT_EQ(again.nanoseconds, query.query_time.nanoseconds);
  }
  EXPECT_GE(query.time.seconds, before - 2);
  EXPECT_LE(query.time.seconds, WallNow().seconds - 1);
  const ProtobufMessage answer = ProtobufOf(*Make("a.b +qr"));
  EXPECT_GE(answer.time.seconds, before);
  EXPECT_LT(answer.query_time.seconds, answer.time.seconds);
  const Fields response = Decode(One(Decode(EncodeProtobuf(answer)), 13));
  EXPECT_EQ(One(response, 5), std::to_string(answer.query_time.seconds));
  EXPECT_EQ(One(response, 6), std::to_string(answer.query_time.nanoseconds / 1000));
}

TEST_F(ProtobufTest, AnAnswerTellsRcodeAndAddressesAndAliasesWhereAsked) {
  const QueryPtr answer = Make(
      "www.q +qr +rcode=3 / answer www.q 60 CNAME web.q / answer web.q 30 A 192.0.2.80"
      " / answer web.q 30 TXT \"x\" / answer web.q 20 AAAA 2001:db8::80 / additional ns.q 9 A "
      "192.0.2.9");
  ProtobufMessage message = ProtobufOf(*answer);
  AddRecords(*answer, RecordChoice::kAddresses, &message);
  ASSERT_EQ(message.records.size(), 2u);
  EXPECT_EQ(message.records[0].name, "web.q.");
  EXPECT_EQ(message.records[0].data, std::string("\xc0\0\2\x50", 4));
  EXPECT_EQ(message.records[1].data.size(), 16u);
  message.records.clear();
  AddRecords(*answer, RecordChoice::kAddressesAndAliases, &message);
  const Fields response = Decode(One(Decode(EncodeProtobuf(message)), 13));
  EXPECT_EQ(One(response, 1), "3");
  const auto records = All(response, 2);
  ASSERT_EQ(records.size(), 3u);
  const Fields alias = Decode(records[0]);
  EXPECT_EQ(One(alias, 1), "www.q.");
  EXPECT_EQ(One(alias, 2), "5");
  EXPECT_EQ(One(alias, 4), "60");
  EXPECT_EQ(One(alias, 5), "web.q.");
}

TEST_F(ProtobufTest, RecordsThatAreCutEndTheListOnly) {
  const QueryPtr answer =
      Make("www.q +qr / answer www.q 30 A 192.0.2.80 / answer www.q 30 A 192.0.2.81");
  answer->size -= 2;
  ProtobufMessage message = ProtobufOf(*answer);
  AddRecords(*answer, RecordChoice::kAddresses, &message);
  EXPECT_EQ(message.records.size(), 1u);
}

TEST_F(ProtobufTest, HitsAreToldAndAskedNobody) {
  const QueryPtr answer = Make("a.b +qr");
  EXPECT_EQ(One(Told(*answer), 26), "0");
  EXPECT_EQ(One(Told(*answer), 27), "1");
  answer->from_cache = true;
  EXPECT_EQ(One(Told(*answer), 26), "1");
  EXPECT_EQ(One(Told(*answer), 27), "0");
}

TEST_F(ProtobufTest, ProtocolsHaveTheirNumbers) {
  EXPECT_EQ(One(Told(*Make("a.b +tcp")), 5), "2");
  EXPECT_EQ(One(Told(*Make("a.b +dot")), 5), "3");
  const Fields https = Told(*Make("a.b +doh"));
  EXPECT_EQ(One(https, 5), "4");
  EXPECT_EQ(One(https, 24), "2");
}

TEST_F(ProtobufTest, DevicesTagsMetasAndTheSubnetAreTold) {
  const QueryPtr query = Make("a.b");
  query->Extras().device_id = "d";
  query->Extras().device_name = "n";
  query->Extras().requestor_id = "r";
  query->Extras().metas = {{"k", {"t"}, {-7}}};
  ProtobufMessage message = ProtobufOf(*query);
  message.server_identity = "me";
  message.tags = {"one", "two"};
  message.subnet = Netmask::Parse("192.0.2.0/24").value();
  const Fields told = Decode(EncodeProtobuf(message));
  EXPECT_EQ(One(told, 3), "me");
  EXPECT_EQ(One(told, 14), std::string("\xc0\0\2\0", 4));
  EXPECT_EQ(One(told, 15), "r");
  EXPECT_EQ(One(told, 17), "d");
  EXPECT_EQ(One(told, 19), "n");
  EXPECT_EQ(All(Decode(One(told, 13)), 4), (std::vector<std::string>{"one", "two"}));
  const Fields meta = Decode(One(told, 22));
  EXPECT_EQ(One(meta, 1), "k");
  const Fields value = Decode(One(meta, 2));
  EXPECT_EQ(One(value, 1), "t");
  EXPECT_EQ(One(value, 2), std::to_string(static_cast<uint64_t>(-7)));
}

TEST_F(ProtobufTest, TheTextNamesWhatIsInIt) {
  ProtobufMessage message = ProtobufOf(*Make("www.q AAAA from=192.0.2.1:4711"));
  message.device_id = "phone";
  const std::string text = ProtobufText(message);
  EXPECT_NE(text.find("type: query\n"), text.npos);
  EXPECT_NE(text.find("from: 192.0.2.1:4711\n"), text.npos);
  EXPECT_NE(text.find("question: www.q. AAAA class 1\n"), text.npos);
  EXPECT_NE(text.find("deviceId: phone\n"), text.npos);
}

// --- what the file names

std::vector<std::string> MetaOf(const Query& query, std::string_view source) {
  ProtobufMessage message;
  ProtobufMeta::Parse("m", source).value().AddTo(query, &message);
  return message.metas.at(0).texts;
}

TEST_F(ProtobufTest, MetasTakeTheirValuesFromTheQuery) {
  const QueryPtr query = Make("a.b +doh");
  query->http = std::make_unique<HttpExchange>();
  HttpExchange& http = *query->http;
  http.path = "/p";
  http.query = "?q";
  http.host = "h";
  http.scheme = "https";
  http.headers = {{"x-a", "1"}};
  query->pool_name = "pool";
  query->SetTag("t", "v");
  query->SetTag("bare", "");
  query->Extras().proxy_values = ProxyValues{{1, "one"}, {2, "two"}};
  using List = std::vector<std::string>;
  EXPECT_EQ(MetaOf(*query, "pool"), List{"pool"});
  EXPECT_EQ(MetaOf(*query, "b64-content"), List{Base64Encode(query->message())});
  EXPECT_EQ(MetaOf(*query, "doh-path"), List{"/p"});
  EXPECT_EQ(MetaOf(*query, "doh-query-string"), List{"?q"});
  EXPECT_EQ(MetaOf(*query, "doh-host"), List{"h"});
  EXPECT_EQ(MetaOf(*query, "doh-scheme"), List{"https"});
  EXPECT_EQ(MetaOf(*query, "doh-header:X-A"), List{"1"});
  EXPECT_EQ(MetaOf(*query, "tag:t"), List{"v"});
  EXPECT_EQ(MetaOf(*query, "tags"), (List{"t:v", "bare"}));
  EXPECT_EQ(MetaOf(*query, "proxy-protocol-value:2"), List{"two"});
  EXPECT_EQ(MetaOf(*query, "proxy-protocol-values"), (List{"1:one", "2:two"}));
}

TEST_F(ProtobufTest, AMetaWithoutAValueHasOneEmptyText) {
  const QueryPtr query = Make("a.b");
  for (const char* source : {"sni", "doh-path", "doh-header:x", "tag:none", "tags",
                             "proxy-protocol-value:9", "proxy-protocol-values"}) {
    EXPECT_EQ(MetaOf(*query, source), std::vector<std::string>{""}) << source;
  }
}

TEST(ProtobufMeta, ASourceThatIsNoneIsAnError) {
  for (const char* source : {"", "SNI", "tag", "pool:x", "proxy-protocol-value:256",
                             "proxy-protocol-value:x", "proxy-protocol-value:"}) {
    EXPECT_FALSE(ProtobufMeta::Parse("m", source)) << source;
  }
  EXPECT_NE(ProtobufMeta::Parse("m", "poool").error().find("sni, pool"), std::string::npos);
}

TEST_F(ProtobufTest, TagsAreExportedByNameOrAll) {
  const QueryPtr query = Make("a.b");
  query->SetTag("a", "1");
  query->SetTag("b", "");
  query->SetTag("c", "3");
  const auto told = [&](std::string_view list) {
    ProtobufMessage message;
    TagExport(list).AddTo(*query, &message);
    return message.tags;
  };
  EXPECT_EQ(told("*"), (std::vector<std::string>{"a:1", "b", "c:3"}));
  EXPECT_EQ(told("c, a"), (std::vector<std::string>{"a:1", "c:3"}));
  EXPECT_TRUE(told("").empty());
}

TEST_F(ProtobufTest, TheFirstExtendedErrorIsAMeta) {
  ProtobufMessage message;
  AddExtendedErrorMeta(*Make("a.b +qr"), "ede", &message);
  EXPECT_TRUE(message.metas.empty());
  AddExtendedErrorMeta(*Make("a.b +qr +option=15:00036162 +option=15:0004"), "ede", &message);
  ASSERT_EQ(message.metas.size(), 1u);
  EXPECT_EQ(message.metas[0].numbers, std::vector<int64_t>{3});
  EXPECT_EQ(message.metas[0].texts, std::vector<std::string>{"ab"});
  const QueryPtr noted = Make("a.b +qr");
  noted->Extras().extended_errors = {{22, ""}};
  AddExtendedErrorMeta(*noted, "ede", &message);
  ASSERT_EQ(message.metas.size(), 2u);
  EXPECT_EQ(message.metas[1].numbers, std::vector<int64_t>{22});
  EXPECT_TRUE(message.metas[1].texts.empty());
}

// --- dnstap

TEST_F(ProtobufTest, DnstapTellsTheMessageItself) {
  const QueryPtr query = Make("a.b from=192.0.2.1:4711 to=192.0.2.2:53 +tcp");
  DnstapMessage message = DnstapOf(*query);
  message.identity = "me";
  message.extra = "more";
  const Fields told = Decode(EncodeDnstap(message));
  EXPECT_EQ(One(told, 1), "me");
  EXPECT_NE(One(told, 2).find("Breakwater"), std::string::npos);
  EXPECT_EQ(One(told, 3), "more");
  EXPECT_EQ(One(told, 15), "1");
  const Fields seen = Decode(One(told, 14));
  EXPECT_EQ(One(seen, 1), "5");
  EXPECT_EQ(One(seen, 2), "1");
  EXPECT_EQ(One(seen, 3), "2");
  EXPECT_EQ(One(seen, 4), std::string("\xc0\0\2\1", 4));
  EXPECT_EQ(One(seen, 5), std::string("\xc0\0\2\2", 4));
  EXPECT_EQ(One(seen, 6), "4711");
  EXPECT_EQ(One(seen, 7), "53");
  EXPECT_EQ(One(seen, 8), std::to_string(message.query_time.seconds));
  EXPECT_EQ(One(seen, 9), std::to_string(message.query_time.nanoseconds));
  EXPECT_EQ(One(seen, 10), AsText(query->message()));
  EXPECT_TRUE(All(seen, 14).empty());
}

TEST_F(ProtobufTest, DnstapOfAnAnswerHasBothTimes) {
  const QueryPtr answer = Make("a.b +qr / answer a.b 30 A 192.0.2.80");
  const DnstapMessage message = DnstapOf(*answer);
  const Fields seen = Decode(One(Decode(EncodeDnstap(message)), 14));
  EXPECT_EQ(One(seen, 1), "6");
  EXPECT_EQ(One(seen, 12), std::to_string(message.response_time.seconds));
  EXPECT_EQ(One(seen, 14), AsText(answer->message()));
  EXPECT_TRUE(All(seen, 10).empty());
  EXPECT_NE(DnstapText(message).find("CLIENT_RESPONSE"), std::string::npos);
}

}  // namespace
}  // namespace breakwater::test
