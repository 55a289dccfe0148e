// What functions of ffi.C hand out beside text and numbers, and the families that need it.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "proxy/base/unique_fd.h"
#include "proxy/cache/cache_key.h"
#include "proxy/guard/dyn_block_table.h"
#include "proxy/net/proxy_protocol.h"
#include "tests/lua/ffi_fixture.h"
#include "tests/proxy/control/fake_target.h"

namespace breakwater::lua {
namespace {

using testing::HasSubstr;

class FfiObjectsTest : public FfiTest {
 protected:
  void LoadWithServer(const std::string& text) {
    Load(text, {.clock = &target_.clock_});
    configuration_->UseServer(target_, std::make_shared<WorkerStats>());
    Run("ffi = require('ffi') C = ffi.C place = ffi.new('void *[1]')");
  }
  test::FakeTarget target_;
};

// --- dnspacket

// One record each: A, then the OPT of the additional section behind CNAME and AAAA.
constexpr const char* kAnswer =
    "www.example A +qr +dnssec / answer www.example 60 CNAME web.example / answer web.example 30 A "
    "192.0.2.1 / answer web.example 20 AAAA 2001:db8::1 / authority example 10 NS ns.example";
constexpr const char* kParse =
    "bytes = C.dnsdist_ffi_dnsquestion_get_data(dq) "
    "local good, p = C.dnsdist_ffi_dnspacket_parse(bytes, #bytes) ";

TEST_F(FfiObjectsTest, APacketIsTakenApart) {
  const auto said = [&](const std::string& what) {
    Load(
        "setLuaBudget{time=0, memory=0} C = require('ffi').C said = 'nothing'\n"
        "addResponseAction(AllRule(), LuaFFIResponseAction(function(dq) do " +
        std::string(kParse) + what + " end return DNSResponseAction.None end))");
    Ask(kAnswer);
    EXPECT_EQ(Errors(), 0u) << what;
    return Run("said");
  };
  EXPECT_EQ(
      said("said = tostring(good)..C.dnsdist_ffi_dnspacket_get_qtype(p).."
           "C.dnsdist_ffi_dnspacket_get_qclass(p)..#C.dnsdist_ffi_dnspacket_get_qname_raw(p)"),
      "true1113\n");
  EXPECT_EQ(said("said = '' for i = 0, 4 do said = said..' '.."
                 "C.dnsdist_ffi_dnspacket_get_records_count_in_section(p, i) end"),
            " 0 3 1 1 0\n");
  EXPECT_EQ(said("said = '' for i = 0, 5 do said = said..' '.."
                 "C.dnsdist_ffi_dnspacket_get_record_type(p, i)..'/'.."
                 "C.dnsdist_ffi_dnspacket_get_record_ttl(p, i)..'/'.."
                 "C.dnsdist_ffi_dnspacket_get_record_class(p, i)..'/'.."
                 "C.dnsdist_ffi_dnspacket_get_record_content_length(p, i)..'/'.."
                 "#C.dnsdist_ffi_dnspacket_get_record_name_raw(p, i) end"),
            " 5/60/1/13/13 1/30/1/4/13 28/20/1/16/13 2/10/1/12/9 41/32768/1232/0/1 0/0/0/0/0\n");
  EXPECT_EQ(said("local at = C.dnsdist_ffi_dnspacket_get_record_content_offset(p, 0) "
                 "said = C.dnsdist_ffi_dnspacket_get_name_at_offset_raw(bytes, #bytes, at)"),
            "\003web\007example" + std::string(1, '\0') + "\n");
  EXPECT_EQ(said("said = #C.dnsdist_ffi_dnspacket_get_name_at_offset_raw(bytes, #bytes, 9999)"),
            "0\n");
}

TEST_F(FfiObjectsTest, ContentsOfRecordsOrFalse) {
  const auto said = [&](const std::string& what) {
    Load(
        "setLuaBudget{time=0, memory=0} ffi = require('ffi') C = ffi.C said = 'nothing'\n"
        "addResponseAction(AllRule(), LuaFFIResponseAction(function(dq) do " +
        std::string(kParse) + what + " end return DNSResponseAction.None end))");
    Ask(kAnswer);
    EXPECT_EQ(Errors(), 0u) << what;
    return Run("said");
  };
  EXPECT_EQ(said("local good, a = C.dnsdist_ffi_dnspacket_parse_a_record(bytes, p, 1) "
                 "said = tostring(good)..a:byte(1)..a:byte(4)..tostring("
                 "C.dnsdist_ffi_dnspacket_parse_aaaa_record(bytes, p, 1))"),
            "true1921false\n");
  EXPECT_EQ(
      said("local buffer, size = ffi.new('char[16]'), ffi.new('size_t[1]', 16) "
           "said = tostring(C.dnsdist_ffi_dnspacket_parse_address_record(bytes, p, 2, buffer, "
           "size))..size[0]..buffer[0]"),
      "true1632\n");
  EXPECT_EQ(
      said("local buffer, size = ffi.new('char[16]'), ffi.new('size_t[1]', 3) "
           "said = tostring(C.dnsdist_ffi_dnspacket_parse_address_record(bytes, p, 1, buffer, "
           "size))..size[0]"),
      "false0\n");
  EXPECT_EQ(said("local good, name = C.dnsdist_ffi_dnspacket_parse_cname_record(bytes, p, 0) "
                 "said = tostring(good)..#name..tostring("
                 "C.dnsdist_ffi_dnspacket_parse_cname_record(bytes, p, 1))"),
            "true13false\n");
  // Another message, with less in it than the record says.
  EXPECT_EQ(said("said = tostring(C.dnsdist_ffi_dnspacket_parse_a_record('short', p, 1)).."
                 "tostring(C.dnsdist_ffi_dnspacket_parse_a_record(bytes, p, 99))"),
            "falsefalse\n");
}

TEST_F(FfiObjectsTest, APacketOutlivesItsQueryAndEndsWhenFreed) {
  Load("C = require('ffi').C");
  const std::string packet = "('\\1\\2\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\1a\\0\\0\\1\\0\\1')";
  Run("bytes = " + packet +
      " _, p = C.dnsdist_ffi_dnspacket_parse(bytes, #bytes) bytes = nil "
      "collectgarbage()");
  EXPECT_EQ(Run("return C.dnsdist_ffi_dnspacket_get_qtype(p)"), "1\n");
  EXPECT_EQ(Run("C.dnsdist_ffi_dnspacket_free(nil) C.dnsdist_ffi_dnspacket_free(p)"), "");
  EXPECT_THAT(
      Run("C.dnsdist_ffi_dnspacket_get_qtype(p)"),
      HasSubstr("dnsdist_ffi_dnspacket_get_qtype: bad argument #1 (a parsed packet expected"));
  EXPECT_THAT(Run("C.dnsdist_ffi_dnspacket_free(p)"), HasSubstr("a parsed packet expected"));
  EXPECT_EQ(Run("return tostring(C.dnsdist_ffi_dnspacket_parse('short', 5))"), "false\n");
  EXPECT_EQ(Run("return tostring(getmetatable(select(2, C.dnsdist_ffi_dnspacket_parse(" + packet +
                ", 19))))"),
            "false\n");
}

// --- rings

TEST_F(FfiObjectsTest, RingEntriesByNumber) {
  LoadWithServer("");
  EXPECT_EQ(Run("return C.dnsdist_ffi_ring_get_entries(place)"), "0\n");
  const auto message = test::QueryMaker::Message("www.example.com TXT +qr +id=4660");
  const Address client = *Address::Parse("192.0.2.7:4000");
  const Address other = *Address::Parse("192.0.2.8:4000");
  RingRecord record{.now = target_.clock_.Now(),
                    .client = client,
                    .protocol = Protocol::kDoTcp,
                    .message = message,
                    .name = std::span(message).subspan(12, 17),
                    .type = dns::Type::kTxt};
  RingCursor cursor;
  target_.rings_.AddQuery(cursor, record);
  target_.rings_.AddResponse(cursor, record, 70'000, *Address::Parse("192.0.2.53:53"));
  target_.rings_.AddQuery(cursor, {.now = record.now,
                                   .client = other,
                                   .protocol = Protocol::kDoUdp,
                                   .message = message,
                                   .name = record.name,
                                   .type = record.type});
  target_.clock_.Advance(MonoTime::FromMs(1500));
  EXPECT_EQ(Run("n = C.dnsdist_ffi_ring_get_entries(place) l = place[0] return n"), "3\n");
  EXPECT_EQ(Run("return C.dnsdist_ffi_ring_get_entries_by_mac('00:00:00:00:00:00', place)"), "0\n");
  EXPECT_EQ(Run("return C.dnsdist_ffi_ring_get_entries_by_addr('nowhere', place)"), "0\n");
  Run("n = C.dnsdist_ffi_ring_get_entries_by_addr('192.0.2.7', place) l = place[0]");
  EXPECT_EQ(Run("return n"), "2\n");
  EXPECT_EQ(
      Run("local s = '' for i = 0, 2 do s = s..' '..tostring("
          "C.dnsdist_ffi_ring_entry_is_response(l, i))..C.dnsdist_ffi_ring_entry_get_age(l, i)"
          "..tostring(C.dnsdist_ffi_ring_entry_get_name(l, i)).."
          "C.dnsdist_ffi_ring_entry_get_type(l, i)..tostring("
          "C.dnsdist_ffi_ring_entry_get_requestor(l, i))..tostring("
          "C.dnsdist_ffi_ring_entry_get_backend(l, i)).."
          "C.dnsdist_ffi_ring_entry_get_protocol(l, i)..'/'.."
          "C.dnsdist_ffi_ring_entry_get_size(l, i)..'/'.."
          "C.dnsdist_ffi_ring_entry_get_latency(l, i) end return s"),
      " false1.5www.example.com.16192.0.2.7:4000nil1/33/0"
      " true1.5www.example.com.16192.0.2.7:4000192.0.2.53:531/33/4464"
      " false0.0nil0nilnil0/0/0\n");
  EXPECT_EQ(Run("return tostring(C.dnsdist_ffi_ring_entry_has_mac_address(l, 0))..tostring("
                "C.dnsdist_ffi_ring_entry_get_mac_address(l, 0))"),
            "falsenil\n");
  Run("C.dnsdist_ffi_ring_entry_list_free(l)");
  EXPECT_THAT(Run("C.dnsdist_ffi_ring_entry_get_age(l, 0)"), HasSubstr("a list of ring entries"));
}

// --- caches

TEST_F(FfiObjectsTest, NamesAndAddressesOfACache) {
  LoadWithServer("getPool('p'):setCache(newPacketCache(100))");
  const char* kByAddress = "return C.dnsdist_ffi_packetcache_get_domain_list_by_addr(";
  EXPECT_EQ(Run(std::string(kByAddress) + "'none', '192.0.2.1', place)"), "0\n");
  EXPECT_EQ(Run(std::string(kByAddress) + "'p', '192.0.2.1', place)"), "0\n");
  EXPECT_EQ(Run("return tostring(place[0])"), "nil\n");
  PacketCache& cache = *config()->FindPool("p")->cache;
  test::QueryMaker maker;
  for (const char* name : {"a.example", "b.example"}) {
    const QueryPtr query = maker.Make(std::string(name) + " A");
    const auto key = MakeCacheKey({query->message(), query->question, query->edns}, {});
    ASSERT_TRUE(key);
    const auto answer = test::QueryMaker::Message(std::string(name) + " A +qr / answer " + name +
                                                  " 60 A 192.0.2.1");
    const MonoTime now = target_.clock_.Now();
    EXPECT_TRUE(cache.Insert(*key, answer, {.now = now, .asked = now}));
  }
  EXPECT_EQ(Run(std::string(kByAddress) + "'p', '192.0.2.1', place)"), "2\n");
  EXPECT_EQ(
      Run("l = place[0] return C.dnsdist_ffi_domain_list_get(l, 0)..C.dnsdist_ffi_domain_list_"
          "get(l, 1)..tostring(C.dnsdist_ffi_domain_list_get(l, 2))"),
      "a.example.b.example.nil\n");
  EXPECT_EQ(Run("n, l = C.dnsdist_ffi_packetcache_get_address_list_by_domain('p', 'a.example') "
                "return n..C.dnsdist_ffi_address_list_get(l, 0)"),
            "1192.0.2.1\n");
  EXPECT_THAT(Run("C.dnsdist_ffi_domain_list_get(l, 0)"), HasSubstr("a list of domains expected"));
  Run("C.dnsdist_ffi_address_list_free(l)");
  EXPECT_THAT(Run("C.dnsdist_ffi_address_list_get(l, 0)"),
              HasSubstr("a list of addresses expected"));
}

// --- dynamic blocks

TEST_F(FfiObjectsTest, DynamicBlocksAreMadeAndListed) {
  LoadWithServer("");
  const char* kAdd = "return tostring(C.dnsdist_ffi_dynamic_blocks_add(";
  EXPECT_EQ(Run(std::string(kAdd) + "'192.0.2.9', 'why', DNSAction.Refused, 60, 24, 0))"),
            "true\n");
  EXPECT_EQ(Run(std::string(kAdd) + "'192.0.2.9', 'why', DNSAction.Refused, 30, 24, 0))"),
            "false\n");
  EXPECT_EQ(Run(std::string(kAdd) + "'192.0.2.9', 'why', DNSAction.Refused, 90, 24, 0))"),
            "true\n");
  EXPECT_EQ(Run(std::string(kAdd) + "'nobody', 'why', DNSAction.Drop, 60, 32, 0))"), "false\n");
  EXPECT_EQ(Run(std::string(kAdd) + "'192.0.2.1', 'why', DNSAction.Pool, 60, 32, 0))"), "false\n");
  EXPECT_EQ(Run(std::string(kAdd) + "'192.0.2.1', 'why', DNSAction.SetTag, 60, 32, 0))"),
            "false\n");
  EXPECT_EQ(Run("return tostring(C.dnsdist_ffi_dynamic_blocks_smt_add('bad.example', 'names', "
                "DNSAction.SetTag, 60, 'tag', 'value'))"),
            "true\n");
  const auto snapshot = config()->dyn_blocks->Snapshot();
  const auto wire = test::QueryMaker::WireName("www.bad.example");
  const DynBlock* const named = snapshot->FindName(wire, target_.clock_.Now());
  ASSERT_NE(named, nullptr);
  EXPECT_EQ(named->cause->tag_name + named->cause->tag_value, "tagvalue");
  EXPECT_EQ(
      Run("n = C.dnsdist_ffi_dynamic_blocks_get_entries(place) e = place[0][0] return n..e.key.."
          "e.reason..e.blocks..'/'..e.remainingTime..'/'..e.action..tostring(e.ebpf).."
          "tostring(e.warning)"),
      "1192.0.2.0/24why0/90/2falsefalse\n");
  EXPECT_EQ(Run("n, l = C.dnsdist_ffi_dynamic_blocks_smt_get_entries() return n..l[0].key"),
            "1bad.example.\n");
  EXPECT_EQ(Run("C.dnsdist_ffi_dynamic_blocks_list_free(l) return tostring(l[0])"), "nil\n");
  target_.clock_.Advance(MonoTime::FromSeconds(100));
  EXPECT_EQ(Run("return (C.dnsdist_ffi_dynamic_blocks_get_entries(place))"), "0\n");
}

TEST_F(FfiObjectsTest, NothingIsInForceWhileTheFileIsRead) {
  EXPECT_THAT(TryLoad("require('ffi').C.dnsdist_ffi_dynamic_blocks_get_entries()"),
              HasSubstr("test.conf:1: dnsdist_ffi_dynamic_blocks_get_entries: the configuration is "
                        "being read"));
  EXPECT_THAT(TryLoad("require('ffi').C.dnsdist_ffi_ring_get_entries()"),
              HasSubstr("the server has not started yet"));
}

// --- answers with SVCB and HTTPS

TEST_F(FfiObjectsTest, AnAnswerOfSvcRecords) {
  const std::string kNew =
      "local list = ffi.new('dnsdist_ffi_svc_record_parameters* [1]') "
      "local place = ffi.new('dnsdist_ffi_svc_record_parameters* [1]') "
      "C.dnsdist_ffi_svc_record_parameters_new('svc.example', 1, true, place) local p = place[0] "
      "list[0] = p ";
  Say(kNew +
          "C.dnsdist_ffi_svc_record_parameters_add_mandatory_param(p, 3) "
          "C.dnsdist_ffi_svc_record_parameters_add_alpn(p, 'h2', 2) "
          "C.dnsdist_ffi_svc_record_parameters_set_port(p, 8443) "
          "C.dnsdist_ffi_svc_record_parameters_set_ech(p, 'abc', 3) "
          "C.dnsdist_ffi_svc_record_parameters_add_ipv4_hint(p, '192.0.2.1', 9) "
          "C.dnsdist_ffi_svc_record_parameters_add_ipv6_hint(p, '2001:db8::1', 11) "
          "C.dnsdist_ffi_svc_record_parameters_add_additional_param(p, 9, 'xyz', 3) "
          "said = C.dnsdist_ffi_dnsquestion_generate_svc_response(dq, list, 1, 77) "
          "C.dnsdist_ffi_svc_record_parameters_free(p)",
      "svc.example TYPE65");
  EXPECT_EQ(Run("tostring(said)"), "true\n");
  EXPECT_THAT(answer_, HasSubstr("qr aa"));
  EXPECT_THAT(answer_, HasSubstr("an: svc.example 77 HTTPS 0001"));
  EXPECT_THAT(answer_, HasSubstr("svc.example 77 A 192.0.2.1"));
  EXPECT_EQ(Errors(), 0u);
  Say(kNew +
      "C.dnsdist_ffi_svc_record_parameters_add_mandatory_param(p, 4) "
      "C.dnsdist_ffi_dnsquestion_generate_svc_response(dq, list, 1, 77)");
  EXPECT_EQ(Errors(), 1u);
  Say(kNew + "for i = 1, 1000 do C.dnsdist_ffi_svc_record_parameters_add_alpn(p, 'h2', 2) end");
  EXPECT_EQ(Errors(), 1u);
  EXPECT_EQ(Say(kNew + "said = tostring(C.dnsdist_ffi_svc_record_parameters_new(('x'):rep(300), 1, "
                       "false, place))"),
            "false");
  EXPECT_THAT(
      Say(kNew + "said = select(2, pcall(C.dnsdist_ffi_dnsquestion_generate_svc_response, dq, "
                 "list, 2, 1))"),
      HasSubstr("there is no record 1 in the list"));
}

// --- the meta field of protobuf

TEST_F(FfiObjectsTest, MetaKeysGoInOrder) {
  const std::string kBegin = "C.dnsdist_ffi_dnsquestion_meta_begin_key(dq, 'key', 3) ";
  const auto metas = [&](const std::string& body) {
    Load(
        "setLuaBudget{time=0, memory=0} C = require('ffi').C\naddAction(AllRule(), "
        "LuaFFIAction(function(dq) " +
        body + " return DNSAction.None end))");
    test::QueryMaker maker;
    QueryPtr query = maker.Make("a.example A");
    const std::function<const Pool*(std::string_view)> find_pool =
        [](std::string_view) -> const Pool* { return nullptr; };
    RuleContext context{.now = now_,
                        .random = random_,
                        .counters = counters_,
                        .packets = maker.pool().packets(),
                        .find_pool = find_pool};
    RunChain(config()->chains.query, *query, context);
    std::string text;
    if (query->extras() == nullptr) return text;
    for (const QueryMeta& meta : query->extras()->metas) {
      text += meta.key + ":";
      for (const std::string& value : meta.texts) text += value + ",";
      for (const int64_t value : meta.numbers) text += std::to_string(value) + ",";
    }
    return text;
  };
  EXPECT_EQ(metas(kBegin + "C.dnsdist_ffi_dnsquestion_meta_add_str_value_to_key(dq, 'text', 4) "
                           "C.dnsdist_ffi_dnsquestion_meta_add_int64_value_to_key(dq, -5) "
                           "C.dnsdist_ffi_dnsquestion_meta_end_key(dq) "),
            "key:text,-5,");
  EXPECT_EQ(Errors(), 0u);
  EXPECT_EQ(metas(kBegin), "");
  EXPECT_EQ(Errors(), 0u);
  for (const std::string wrong : {"C.dnsdist_ffi_dnsquestion_meta_end_key(dq)",
                                  "C.dnsdist_ffi_dnsquestion_meta_add_int64_value_to_key(dq, 1)",
                                  "C.dnsdist_ffi_dnsresponse_meta_begin_key(dq, 'key', 3)"}) {
    EXPECT_EQ(metas(wrong), "");
    EXPECT_EQ(Errors(), 1u) << wrong;
  }
  EXPECT_EQ(metas(kBegin + kBegin), "");
  EXPECT_EQ(Errors(), 1u);
  // A rule that runs again, after a restart say: the new one counts.
  const std::string kWhole = kBegin +
                             "C.dnsdist_ffi_dnsquestion_meta_add_int64_value_to_key(dq, 7) "
                             "C.dnsdist_ffi_dnsquestion_meta_end_key(dq) ";
  EXPECT_EQ(metas(kWhole + kWhole), "key:7,");
  EXPECT_EQ(Errors(), 0u);
}

// --- the PROXY protocol

TEST_F(FfiObjectsTest, AHeaderOfTheProxyProtocol) {
  const auto parsed = [&](const std::string& body) {
    const std::string bytes = Say(body, "a.example A from=192.0.2.1:4000 to=192.0.2.53:53 +tcp");
    return ParseProxyHeader(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()),
                            4096);
  };
  const std::string kValue =
      "local v = ffi.new('dnsdist_ffi_proxy_protocol_value_t[?]', 1) "
      "v[0].type = 65 v[0].value = 'abcd' v[0].size = 3 ";
  const ProxyParsed own =
      parsed(kValue + "said = C.dnsdist_ffi_dnsquestion_generate_proxy_protocol_payload(dq, 1, v)");
  ASSERT_EQ(own.status, ProxyParse::kWhole);
  EXPECT_EQ(own.header.source.ToStringWithPort(), "192.0.2.1:4000");
  EXPECT_EQ(own.header.destination.ToStringWithPort(), "192.0.2.53:53");
  EXPECT_TRUE(own.header.stream);
  EXPECT_THAT(own.header.values, testing::ElementsAre(std::pair(uint8_t{65}, std::string("abc"))));
  const ProxyParsed other = parsed(
      "local buffer = ffi.new('char[100]') local n = C.dnsdist_ffi_generate_proxy_protocol_payload("
      "4, '\\10\\0\\0\\1', '\\10\\0\\0\\2', 1000, 53, false, 0, nil, buffer, 100) "
      "said = ffi.string(buffer, n)");
  ASSERT_EQ(other.status, ProxyParse::kWhole);
  EXPECT_EQ(other.header.source.ToStringWithPort(), "10.0.0.1:1000");
  EXPECT_FALSE(other.header.stream);
  EXPECT_EQ(
      Say("local buffer = ffi.new('char[100]') said = "
          "C.dnsdist_ffi_dnsquestion_generate_proxy_protocol_payload(dq, 0, nil, buffer, 20)"),
      "0");
  EXPECT_EQ(Say(kValue + "C.dnsdist_ffi_dnsquestion_add_proxy_protocol_values(dq, 1, v) "
                         "C.dnsdist_ffi_dnsquestion_add_proxy_protocol_values(dq, 66, 'one') "
                         "local list = ffi.new('dnsdist_ffi_proxy_protocol_value_t *[1]') "
                         "local n = C.dnsdist_ffi_dnsquestion_get_proxy_protocol_values(dq, list) "
                         "said = n..list[0][0].type..list[0][1].value"),
            "265one");
}

// --- endpoints

TEST_F(FfiObjectsTest, DatagramsReachAProgramOnTheHost) {
  const std::string path = directory_ + "/socket";
  const UniqueFd listener(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string kOpen = "setLuaBudget{time=0} C = require('ffi').C local path = '" + path +
                            "' good, e = C.dnsdist_ffi_network_endpoint_new(path, #path)";
  Load(kOpen +
       "\naddAction(AllRule(), LuaFFIAction(function(dq) "
       "C.dnsdist_ffi_network_endpoint_send(e, 'hello', 5) return DNSAction.None end))");
  EXPECT_EQ(Run("return tostring(good)..tostring(C.dnsdist_ffi_network_endpoint_is_valid(e))"),
            "truetrue\n");
  Ask("a.example A");
  char bytes[16] = {};
  EXPECT_EQ(::recv(listener.get(), bytes, sizeof(bytes), 0), 5);
  EXPECT_EQ(std::string(bytes), "hello");
  EXPECT_EQ(Run("C.dnsdist_ffi_network_endpoint_free(e) "
                "return tostring(C.dnsdist_ffi_network_endpoint_is_valid(nil))"),
            "false\n");
  EXPECT_THAT(Run("C.dnsdist_ffi_network_endpoint_send(e, 'x', 1)"),
              HasSubstr("an endpoint expected"));
  EXPECT_EQ(Run("return tostring(C.dnsdist_ffi_network_endpoint_new('/nowhere/at/all', 15))"),
            "false\n");
  EXPECT_THAT(Say("said = select(2, pcall(C.dnsdist_ffi_network_endpoint_new, '/x', 2))"),
              HasSubstr("not while a query is answered"));
}

}  // namespace
}  // namespace breakwater::lua
