#include "proxy/dnscrypt/certificate_answer.h"

#include <gtest/gtest.h>

#include "proxy/dns/question.h"
#include "proxy/dns/record_walker.h"
#include "tests/proxy/dnscrypt/maker.h"

namespace breakwater::dnscrypt {
namespace {

constexpr int64_t kNow = 1'800'000'000;

class CertificateAnswerTest : public testing::Test {
 protected:
  CertificateAnswerTest() { EXPECT_TRUE(context.Add(test::Make(1), Use::kActive)); }

  static std::vector<uint8_t> Question(std::string_view name, dns::Type type = dns::Type::kTxt) {
    std::vector<uint8_t> out(dns::kHeaderSize);
    dns::Header header(out.data());
    header.set_id(0x1234);
    header.set_flags(dns::kFlagRd | dns::kFlagAd);
    header.set_count(dns::Section::kQuestion, 1);
    const auto wire = *dns::Name::Parse(name);
    out.insert(out.end(), wire.wire().begin(), wire.wire().end());
    out.insert(out.end(), {0, static_cast<uint8_t>(type), 0, 1});
    return out;
  }
  bool Answer(const std::vector<uint8_t>& question, Carrier carrier = Carrier::kDatagram,
              int64_t now = kNow) {
    message = question;
    const size_t size = message.size();
    message.resize(4096);
    dns::EditBuffer buffer{message.data(), size, message.size()};
    const bool answered =
        AnswerWithCertificates(buffer, context.provider(), *context.certificates(), {carrier, now});
    message.resize(buffer.size);
    if (!answered) {
      EXPECT_EQ(message, question);
    }
    return answered;
  }
  // The serials that the answer tells.
  std::vector<uint32_t> Told() {
    std::vector<uint32_t> serials;
    const auto question = dns::ParseQuestion(message);
    dns::RecordWalker walker(message, question->end());
    while (walker.Next()) {
      const dns::Record& record = walker.record();
      const auto rdata =
          std::span<const uint8_t>(message).subspan(record.rdata_offset, record.rdata_length);
      EXPECT_EQ(rdata[0], kCertificateSize);
      const auto certificate = Certificate::Parse(rdata.subspan(1));
      EXPECT_TRUE(certificate.has_value());
      if (certificate) serials.push_back(certificate->serial());
      EXPECT_EQ(record.type, dns::Type::kTxt);
      EXPECT_EQ(record.ttl, 3600u);
    }
    return serials;
  }
  dns::Header header() { return dns::Header(message.data()); }

  Context context{*dns::Name::Parse("2.dnscrypt-cert.example")};
  std::vector<uint8_t> message;
};

using Serials = std::vector<uint32_t>;

TEST_F(CertificateAnswerTest, TellsThoseThatAreActiveAndValid) {
  ASSERT_TRUE(context.Add(test::Make(2), Use::kInactive));
  ASSERT_TRUE(context.Add(test::Make(3, Suite::kXChaCha20), Use::kActive));
  ASSERT_TRUE(context.Add(test::Known(test::kXSalsa20Certificate), Use::kActive));
  ASSERT_TRUE(Answer(Question("2.dnscrypt-CERT.example")));
  EXPECT_EQ(Told(), (Serials{1, 3, 8}));
  EXPECT_EQ(header().id(), 0x1234);
  EXPECT_EQ(header().flags(), dns::kFlagQr | dns::kFlagRd);
  EXPECT_EQ(header().count(dns::Section::kAnswer), 3);
  ASSERT_TRUE(Answer(Question("2.dnscrypt-cert.example"), Carrier::kDatagram, 1'900'000'001));
  EXPECT_EQ(Told(), (Serials{1, 3}));
}

TEST_F(CertificateAnswerTest, AnswersNothingElse) {
  EXPECT_FALSE(Answer(Question("3.dnscrypt-cert.example")));
  EXPECT_FALSE(Answer(Question("a.2.dnscrypt-cert.example")));
  EXPECT_FALSE(Answer(Question("2.dnscrypt-cert.example", dns::Type::kA)));
  auto question = Question("2.dnscrypt-cert.example");
  question.back() = 3;  // CHAOS
  EXPECT_FALSE(Answer(question));
  question = Question("2.dnscrypt-cert.example");
  dns::Header(question.data()).Set(dns::kFlagQr, true);
  EXPECT_FALSE(Answer(question));
  question = Question("2.dnscrypt-cert.example");
  dns::Header(question.data()).set_flags(4 << 11);  // NOTIFY
  EXPECT_FALSE(Answer(question));
  question = Question("2.dnscrypt-cert.example");
  dns::Header(question.data()).set_count(dns::Section::kAnswer, 1);
  EXPECT_FALSE(Answer(question));
  for (size_t size = 0; size < question.size(); ++size) {
    EXPECT_FALSE(Answer({question.begin(), question.begin() + static_cast<long>(size)})) << size;
  }
}

TEST_F(CertificateAnswerTest, IsNoLargerThanAClientOverUdpTakes) {
  for (uint32_t serial = 2; serial <= 20; ++serial) {
    ASSERT_TRUE(context.Add(test::Make(serial), Use::kActive));
  }
  const auto question = Question("2.dnscrypt-cert.example");
  ASSERT_TRUE(Answer(question));
  EXPECT_TRUE(header().Has(dns::kFlagTc));
  EXPECT_EQ(header().count(dns::Section::kAnswer), 0);
  EXPECT_EQ(message.size(), question.size());
  // EDNS does not make it larger than 1232 octets, and 20 certificates need more.
  auto with_edns = question;
  dns::Header(with_edns.data()).set_count(dns::Section::kAdditional, 1);
  with_edns.insert(with_edns.end(), {0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0});
  ASSERT_TRUE(Answer(with_edns));
  EXPECT_TRUE(header().Has(dns::kFlagTc));
  ASSERT_TRUE(Answer(question, Carrier::kStream));
  EXPECT_FALSE(header().Has(dns::kFlagTc));
  EXPECT_EQ(Told().size(), 20u);
  for (uint32_t serial = 7; serial <= 20; ++serial) {
    ASSERT_TRUE(context.Mark(serial, Use::kInactive));
  }
  ASSERT_TRUE(Answer(with_edns));
  EXPECT_FALSE(header().Has(dns::kFlagTc));
  EXPECT_EQ(Told().size(), 6u);
  EXPECT_EQ(header().count(dns::Section::kAdditional), 0);
}

}  // namespace
}  // namespace breakwater::dnscrypt
