// Makes queries and answers for tests from a description like dig's:
//
//   QueryMaker maker;
//   QueryPtr query = maker.Make("www.example.com AAAA +cd +dnssec from=192.0.2.1:5353");
//
// Words, in any order after the name: a type ("A", "TYPE65280"; A when left out), a class ("CH"),
// +rd +norec +cd +ad +aa +tc (RD is set as dig does), +edns +bufsize=N +dnssec (all bring an OPT),
// +option=CODE:HEX (brings an OPT), +edns-version=N +tcp +dot +doh +id=N +opcode=N +rcode=N +qr
// +trail=HEX +room=N (spare octets behind the message; 4096 when left out), from=ADDRESS
// to=ADDRESS. Records: " / answer NAME TTL TYPE RDATA", and so with authority and additional. RDATA
// of A, AAAA, NS, CNAME, PTR, MX, SOA and TXT as in a zone file, of anything else as hexadecimal.
// The maker encodes by itself, not through proxy/dns: what it makes can test that.
// Must outlive its queries; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/query/query.h"

namespace breakwater::test {

class QueryMaker {
 public:
  // Parsed as the query path parses it; for "+qr" the result is an answer (is_response).
  // Fails the test and aborts for a description it cannot read.
  QueryPtr Make(std::string_view description);

  // The message alone.
  static std::vector<uint8_t> Message(std::string_view description);
  // "www.example.com" in wire form; backslash escapes as in a zone file.
  static std::vector<uint8_t> WireName(std::string_view text);

  QueryPool& pool() { return pool_; }
  Frontend& frontend() { return frontend_; }

 private:
  QueryPool pool_;
  Frontend frontend_;
  std::vector<std::unique_ptr<uint8_t[]>> memory_;
};

// The flags and counts, then every record, as text: what tests compare.
//   "qr rd ra NOERROR; www.example.com A; an: www.example.com 60 A 192.0.2.1; ar: OPT 1232 do"
std::string Describe(std::span<const uint8_t> message);

}  // namespace breakwater::test
