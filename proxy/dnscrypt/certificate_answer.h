// The one question that a DNSCrypt listener answers in the clear: TXT of the provider's name, to
// which the answer is the certificates in use. Any thread.
#pragma once

#include "proxy/dns/edns.h"
#include "proxy/dnscrypt/context.h"
#include "proxy/dnscrypt/query_opener.h"

namespace breakwater::dnscrypt {

// Makes the question in `buffer` the answer. False, and nothing is changed, where it is another
// question or none. Over UDP an answer that is larger than the client takes says TC.
bool AnswerWithCertificates(dns::EditBuffer& buffer, const dns::Name& provider,
                            const CertificateSet& set, const Arrival& arrival);

}  // namespace breakwater::dnscrypt
