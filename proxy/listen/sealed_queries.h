// What a listener does more where its bind speaks DNSCrypt: queries are opened before anybody else
// sees them, answers sealed behind everything else. Owned by the listener, on its thread.
#pragma once

#include "proxy/dnscrypt/query_opener.h"
#include "proxy/listen/listen_context.h"

namespace breakwater {

class SealedQueries {
 public:
  // `frontend` has a DNSCrypt context, and outlives this as `context` does.
  SealedQueries(ListenContext& context, Frontend& frontend);

  enum class Outcome : uint8_t {
    kQuery,         // the message is the query that was sealed in it
    kCertificates,  // it asked for the certificates: the message is the answer, to be sent as it is
    kInvalid,       // counted; the client gets no answer
  };
  // Of a message as it came, at least a header long and counted for its bind. In place.
  Outcome Open(Query& query);

  // Forgets, at the latest now, keys that the bind no longer has.
  void DropRemovedKeys() { (void)opener_.certificates(); }

  // Does nothing to what did not come sealed. What cannot be sealed within the size that its
  // client takes is cut down to a header with TC first. In place, or in memory of the query's own.
  void SealInPlace(Query& query);
  // The same in memory from the pool.
  struct Sealed {
    PacketBuffer bytes;
    size_t size = 0;
  };
  Sealed Seal(Query& query);
  // One message of a transfer; `bytes` is empty where it is too large.
  Sealed SealPart(const Query& query);

 private:
  Outcome CountInvalid();

  ListenContext& context_;
  Frontend& frontend_;
  const dnscrypt::Carrier carrier_;
  dnscrypt::QueryOpener opener_;
};

}  // namespace breakwater
