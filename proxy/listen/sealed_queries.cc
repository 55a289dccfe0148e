#include "proxy/listen/sealed_queries.h"

#include "proxy/base/clock.h"
#include "proxy/dnscrypt/certificate_answer.h"

namespace breakwater {
namespace {

constexpr dns::Section kSections[] = {dns::Section::kQuestion, dns::Section::kAnswer,
                                      dns::Section::kAuthority, dns::Section::kAdditional};

// QueryPath has left out what may be left out: all that is left is to say so.
void CutToFit(Query& query) {
  if (query.size <= query.session.max_answer) return;
  dns::Header header = query.header();
  header.Set(dns::kFlagTc, true);
  for (const dns::Section section : kSections) header.set_count(section, 0);
  query.size = dns::kHeaderSize;
}

}  // namespace

SealedQueries::SealedQueries(ListenContext& context, Frontend& frontend)
    : context_(context),
      frontend_(frontend),
      carrier_(IsDatagram(frontend.settings.protocol) ? dnscrypt::Carrier::kDatagram
                                                      : dnscrypt::Carrier::kStream),
      opener_(frontend.dnscrypt) {}

SealedQueries::Outcome SealedQueries::CountInvalid() {
  context_.counters.Add(Metric::kQueries);
  context_.counters.Add(Metric::kDnscryptInvalid);
  context_.counters.Add(Metric::kNoncompliantQueries);
  frontend_.noncompliant_queries.Add();
  return Outcome::kInvalid;
}

SealedQueries::Outcome SealedQueries::Open(Query& query) {
  const dnscrypt::Arrival arrival{carrier_, SystemClock().WallSeconds()};
  std::span<uint8_t> message;
  switch (opener_.Open(query.message(), arrival, &message, &query.session)) {
    case dnscrypt::Opened::kMessage:
      query.sealed = true;
      query.capacity -= static_cast<size_t>(message.data() - query.data);
      query.data = message.data();
      query.size = message.size();
      // A reply must not be answered, sealed or not.
      if (query.size < dns::kHeaderSize || query.header().Has(dns::kFlagQr)) return CountInvalid();
      return Outcome::kQuery;
    case dnscrypt::Opened::kClear: {
      dns::EditBuffer buffer = query.edit();
      if (!dnscrypt::AnswerWithCertificates(buffer, opener_.context().provider(),
                                            opener_.certificates(), arrival)) {
        return CountInvalid();
      }
      query.Take(buffer);
      context_.counters.Add(Metric::kQueries);
      return Outcome::kCertificates;
    }
    case dnscrypt::Opened::kInvalid:
      break;
  }
  return CountInvalid();
}

void SealedQueries::SealInPlace(Query& query) {
  if (!query.sealed) return;
  CutToFit(query);
  const size_t size = dnscrypt::SealedSize(query.size);
  if (size > query.capacity) {
    query.ReplaceMessage(context_.queries.packets(), query.message(), size - query.size);
  }
  dnscrypt::Seal(query.session, query.message(), {query.data, size});
  query.size = size;
}

SealedQueries::Sealed SealedQueries::Seal(Query& query) {
  CutToFit(query);
  return SealPart(query);
}

SealedQueries::Sealed SealedQueries::SealPart(const Query& query) {
  if (query.size > query.session.max_answer) return {};
  Sealed sealed{{}, dnscrypt::SealedSize(query.size)};
  sealed.bytes = context_.queries.packets().Get(sealed.size);
  dnscrypt::Seal(query.session, query.message(), {sealed.bytes.data(), sealed.size});
  return sealed;
}

}  // namespace breakwater
