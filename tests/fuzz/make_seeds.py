#!/usr/bin/env python3
"""Writes the seed inputs of the DNS fuzz targets and the hostile messages, below tests/fuzz/corpus.

Run it after changing it; its output is committed. What each hostile message must come to is said
by tests/proxy/dns/hostile_test.cc.
"""
import pathlib
import re
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
QNAME = 12  # offset of the question's name


def name(text):
    labels = [label.encode() for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def pointer(offset):
    return struct.pack("!H", 0xC000 | offset)


def record(owner, rtype, rdata, ttl=300, cls=1):
    return owner + struct.pack("!HHIH", rtype, cls, ttl, len(rdata)) + rdata


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def opt(options=b"", size=1232, ttl=0):
    return record(b"\0", 41, options, ttl, size)


def header(flags=0x0100, qd=1, an=0, ns=0, ar=0):
    return struct.pack("!HHHHHH", 0x1234, flags, qd, an, ns, ar)


def kept(message, bits, tail):
    """An entry of a cache's snapshot (proxy/cache/snapshot_entry.h)."""
    return (struct.pack("!IIIHBBB", 10, 300, 1000, bits, 2, 2, len(tail)) + tail
            + struct.pack("!H", len(message)) + message)


def query(qname="www.example.com", qtype=1, additional=()):
    return (header(ar=len(additional)) + name(qname) + struct.pack("!HH", qtype, 1)
            + b"".join(additional))


def reply(answer=(), authority=(), additional=(), qname="www.example.com", flags=0x8180):
    return (header(flags, 1, len(answer), len(authority), len(additional)) + name(qname)
            + struct.pack("!HH", 1, 1) + b"".join(answer) + b"".join(authority)
            + b"".join(additional))


COOKIE = option(10, bytes(range(8)))
ECS = option(8, bytes([0, 1, 24, 0, 192, 0, 2]))
EDE = option(15, b"\0\3stale")
A = record(pointer(QNAME), 1, b"\xc0\0\2\1")
AAAA = record(pointer(QNAME), 28, bytes(16))
CNAME = record(pointer(QNAME), 5, b"\2w2" + pointer(QNAME + 4))
SOA = record(pointer(QNAME + 4), 6, b"\2ns" + pointer(QNAME + 4) + pointer(QNAME) + bytes(20))
MX = record(b"\2w2" + pointer(QNAME + 4), 15, b"\0\5" + pointer(QNAME + 4))
TXT = record(pointer(QNAME), 16, b"\4text")
SRV = record(name("_a._tcp.example.com"), 33, bytes(6) + name("w2.example.com"))
RRSIG = record(pointer(QNAME), 46, bytes(18) + name("example.com") + bytes(8))
TSIG = record(name("key"), 250, bytes(30), 0, 255)

MESSAGES = {
    "query": query(),
    "query_opt": query(additional=[opt(COOKIE + ECS)]),
    "query_do": query(additional=[opt(ttl=0x8000)]),
    "query_root": query("", 2),
    "query_tsig": query(additional=[opt(), TSIG]),
    "answer": reply([A, AAAA, TXT], additional=[opt(EDE)]),
    "answer_cname": reply([CNAME, MX, SRV, RRSIG], [SOA], [opt(EDE + COOKIE), A]),
    "answer_negative": reply((), [SOA], [opt()], flags=0x8183),
    "bare_header": header(0x8185, 0),
    "trailing": reply([A]) + b"\1\2\3",
}


def chain_of_pointers(length):
    """Records whose owners each point at the one before; the last name takes them all."""
    out = b""
    last = QNAME
    for _ in range(length):
        at = 12 + len(name("a")) + 4 + len(out)
        out += record(pointer(last), 1, b"\1\2\3\4")
        last = at
    return header(0x8180, 1, length) + name("a") + struct.pack("!HH", 1, 1) + out


END = 12 + 17 + 4  # of the question www.example.com
WIDE = b"\1a" * 127  # with its root 255 octets, the most there may be
HOSTILE = {
    "question_pointer": header() + pointer(12) + struct.pack("!HH", 1, 1),
    "question_pointer_behind_label": header() + b"\1a" + pointer(12) + struct.pack("!HH", 1, 1),
    "question_label_0x40": header() + b"\x41a\0" + struct.pack("!HH", 1, 1),
    "question_label_0x80": header() + b"\x81a\0" + struct.pack("!HH", 1, 1),
    "question_255": header() + WIDE + b"\0" + struct.pack("!HH", 1, 1),
    "question_257": header() + WIDE + b"\1a\0" + struct.pack("!HH", 1, 1),
    "question_without_end": header() + b"\1a" * 200,
    "question_missing": header(qd=0),
    "question_cut_in_label": query()[:15],
    "question_cut_before_class": query()[:-2],
    "questions_two": header(qd=2) + 2 * (name("a") + struct.pack("!HH", 1, 1)),
    "questions_65535": header(qd=0xFFFF) + name("a") + struct.pack("!HH", 1, 1),
    "header_short": header()[:11],
    "empty": b"",
    "owner_pointer_to_itself": reply([record(pointer(END), 1, b"\1\2\3\4")]),
    "owner_pointer_forward": reply([record(pointer(END + 2), 1, b"\1\2\3\4")]),
    "owner_pointer_into_header": reply([record(pointer(4), 1, b"\1\2\3\4")]),
    "owner_pointer_past_end": reply([record(pointer(0x3FFF), 1, b"\1\2\3\4")]),
    "owner_pointer_loop": reply([record(b"\1a" + pointer(END), 1, b"\1\2\3\4")]),
    "owner_label_0x40": reply([record(b"\x41a\0", 1, b"\1\2\3\4")]),
    "owner_label_0x80": reply([record(b"\x81a\0", 1, b"\1\2\3\4")]),
    "owner_257": reply([record(WIDE + b"\1a\0", 1, b"\1\2\3\4")]),
    "owner_257_by_pointer": reply([record(WIDE + pointer(QNAME), 1, b"\1\2\3\4")]),
    "owners_chained_300": chain_of_pointers(300),
    "rdata_past_end": reply([A])[:-1],
    "record_cut_in_type": reply([A])[:END + 3],
    "record_cut_in_ttl": reply([A])[:END + 8],
    "count_inflated_answer": header(0x8180, 1, 2) + reply([A])[12:],
    "count_inflated_additional": header(ar=2) + query(additional=[opt()])[12:],
    "counts_65535": header(0x8180, 1, 0xFFFF, 0xFFFF, 0xFFFF) + reply([A])[12:],
    "opt_twice": query(additional=[opt(), opt()]),
    "opt_twice_apart": reply([A], additional=[opt(), A, opt(COOKIE)]),
    "opt_in_answer": reply([opt()]),
    "opt_in_authority": reply((), [opt()]),
    "opt_not_at_root": query(additional=[record(name("a"), 41, b"", 0, 1232)]),
    "opt_owner_pointer": query(additional=[record(pointer(28), 41, b"", 0, 1232)]),
    "opt_option_past_end": query(additional=[opt(b"\0\x0a\0\xff\1")]),
    "opt_option_header_cut": query(additional=[opt(b"\0\x0a\0")]),
    "opt_rdlength_past_end": query(additional=[opt(COOKIE)])[:-1],
    "opt_length_65535": query(additional=[b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0xFFFF)]),
    "trailing_bytes": query(additional=[opt()]) + b"\xde\xad\xbe\xef",
    "trailing_record": query(additional=[opt()]) + A,
    "trailing_second_opt": query(additional=[opt()]) + opt(COOKIE),
    "rdata_name_loop": reply([record(pointer(QNAME), 5, pointer(END + 12))]),
    "rdata_name_past_rdata": reply([record(pointer(QNAME), 5, b"\x3f")]) + bytes(80),
    "rdata_soa_short": reply([record(pointer(QNAME), 6, b"\0")]),
}


# Of the fixed zones of zone_lookup_fuzz.cc: one question for each way that a look-up can end.
ASKED = ("t 6", "ns.t 1", "ns.t 255", "t 15", "no.t 1", "x.w.t 16", "y.x.w.t 15", "c.t 16", "l.t 1", "a.d.t 16",
         "a.e.t 1", "s.t 2", "x.s.t 1", "s.t 43", "b.n.t 1", "n.t 1", "r.t 33", "x.v.t 1", "o.t 1", "k.q.t 1", "q 1")
SOA_TEXT = "$TTL 1h\n@ IN SOA ns h ( 1 2 3 ; comment\n 4 5 )\n@ NS ns\n"
ZONE_TEXTS = {
    "small": SOA_TEXT + "ns 60 IN A 192.0.2.1\n  AAAA 2001:db8::1\n",
    "origin": SOA_TEXT + "$ORIGIN a.t.\n@ IN 5 TXT \"x;y\" z\\;\n$ORIGIN b\n* CNAME @\n",
    "types": SOA_TEXT + "@ MX 1 a\n@ SRV 1 2 3 a\n@ CAA 0 issue b\n@ TYPE65280 \\# 2 abcd\n@ HTTPS 1 . port=1\n"
             "@ NAPTR 1 1 \"u\" \"s\" \"!x!y!\" .\n@ DS 1 8 2 00\n@ LOC 1 N 1 E 1m\n@ DNAME u.\n@ APL 1:1.0.0.0/8\n",
    "signed": SOA_TEXT + "@ RRSIG SOA 8 1 60 20400101000000 20200101000000 1 t. AQID\n@ NSEC ns A NS\n"
              "@ DNSKEY 256 3 8 AQID\nh NSEC3 1 0 1 ab 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n",
    "twice": SOA_TEXT + "a CNAME b\na A 192.0.2.1\n",
    "no_soa": "a A 192.0.2.1\n",
    "open": SOA_TEXT + "a TXT ( \"x\n",
}


def parameter(key, value):
    return struct.pack("!HH", key, len(value)) + value


DOT = parameter(1, b"\3dot")
DOH = parameter(1, b"\2h2\3dot\2h2") + parameter(3, b"\x01\xbb") + parameter(7, b"/dns-query{?dns}")
HINTS = parameter(4, b"\xc0\0\2\1\xc0\0\2\2") + parameter(6, bytes(15) + b"\1")
SVCB = {
    "alias": b"\0\0" + name("dns.example"),
    "bare": b"\0\1\0",
    "dot": b"\0\1" + name("dns.example") + DOT,
    "doh": b"\0\2" + name("dns.example") + DOH,
    "hints": b"\0\3" + name("dns.example") + DOT + HINTS,
    "mandatory": b"\0\1" + name("dns.example") + parameter(0, b"\0\1\0\3") + DOT + parameter(3, b"\3\x55"),
    "mandatory_missing": b"\0\1\0" + parameter(0, b"\0\3") + DOT,
    "no_default": b"\0\1\0" + DOT + parameter(2, b""),
    "unknown": b"\0\1\0" + parameter(65535, b"x" * 40),
    "descending": b"\0\1\0" + parameter(7, b"/") + DOT,
    "compressed": b"\0\1\1a" + pointer(0),
    "port_short": b"\0\1\0" + parameter(3, b"\1"),
    "cut": b"\0\1\0" + DOT[:-1],
}


def discovered(rdata, additional=()):
    message = reply([record(pointer(QNAME), 64, r) for r in rdata], (), additional, "_dns.resolver.arpa", 0x8580)
    at = QNAME + len(name("_dns.resolver.arpa"))
    return message[:at] + struct.pack("!H", 64) + message[at + 2:]


def write(folder, name_, data):
    path = CORPUS / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / name_).write_bytes(data)


def main():
    for key, message in MESSAGES.items():
        write("dns_message_fuzz", key, message)
        write("dns_name_fuzz", "message_" + key, message)
        write("drill_compare_fuzz", key, struct.pack("!H", len(message)) + message + reply([A, MX]))
        ede = b"\0\x12blocked"
        write("extended_error_fuzz", key, bytes([len(ede)]) + ede + message)
        asked = query()
        write("reply_match_fuzz", key, bytes([len(asked)]) + asked + message)
        write("health_reply_fuzz", key, bytes([len(asked)]) + asked + message)
        for edit in range(6):
            for spare in (0, 11, 255) if key == "query_opt" else (255,):
                head = bytes([edit, spare, 10, 3]) + b"abc"
                write("edns_fuzz", f"{key}_{edit}_{spare}", head + message)
        for operation in range(6):
            wire = name("a.longer.name.example.org")
            head = bytes([operation, 200, len(wire)]) + wire
            write("rewrite_fuzz", f"{key}_{operation}", head + message)
    for text in ("", ".", "a", "www.example.com", "a\\.b.c", "\\000\\255.x", "a..b", "\\", "a" * 63):
        write("dns_name_fuzz", "text_%d" % (abs(hash_of(text)) % 10000), text.encode())
    for key, data in (("v4", ECS[4:]), ("v4_zero", bytes([0, 1, 0, 0])),
                      ("v6", bytes([0, 2, 56, 0, 0x20, 1, 0xD, 0xB8, 0, 0, 0])),
                      ("v4_bits_behind", bytes([0, 1, 20, 0, 192, 0, 2])),
                      ("family_3", bytes([0, 3, 0, 0]))):
        write("client_subnet_fuzz", key, data)
    for number, (qname, qtype) in enumerate(asked.split() for asked in ASKED):
        for kind, additional in (("plain", ()), ("do", [opt(ttl=0x8000)])):
            write("zone_lookup_fuzz", f"{number}_{kind}", b"\2\0" + query(qname, int(qtype), additional))
    for key, text in ZONE_TEXTS.items():
        write("zone_loader_fuzz", key, text.encode())
    for key, rdata in SVCB.items():
        write("svcb_fuzz", key, rdata)
        write("discovery_fuzz", key, discovered([rdata]))
    write("discovery_fuzz", "all", discovered(SVCB.values(), [record(name("dns.example"), 1, b"\xc0\0\2\7"), opt()]))
    answer = reply([A])
    for key, (bits, tail, message) in {
            "plain": (1, b"", answer), "do": (0x19, b"", reply([A, RRSIG], additional=[opt(ttl=0x8000)])),
            "subnet": (0x11, ECS, reply([A], additional=[opt(ECS)])),
            "odd_tail": (0x31, b"\0\0\0\1", answer), "bad_bits": (0x8000, b"", answer),
            "bad_tail": (0x10, b"\0\x08\0\x09", answer)}.items():
        write("cache_snapshot_fuzz", key, b"\1" + kept(message, bits, tail))
        write("cache_snapshot_fuzz", key + "_without_last_good", b"\2" + kept(message, bits, tail))
    write("cache_snapshot_fuzz", "file_head", b"\0BREAKWATER CACHE\0\0\0\1")
    write("cache_snapshot_fuzz", "file_block", b"\0BREAKWATER CACHE\0\0\0\1" + struct.pack("!IIQ", 1, 12, 0) + bytes(12))
    vectors = (CORPUS.parent.parent / "proxy/dnscrypt/vectors.h").read_text()
    for key, hexes in re.findall(r"(k\w+) = FromHex\(([^)]*)\)", vectors):
        octets = bytes.fromhex("".join(re.findall(r'"(\w+)"', hexes)))
        write("dnscrypt_fuzz", key, b"\0" + octets)
    asked = query("2.example", 16)
    for key, message in (("certificates", asked), ("certificates_edns", query("2.example", 16, [opt()])),
                         ("padded", query() + b"\x80" + bytes(223)), ("not_padded", query() + bytes(223))):
        write("dnscrypt_fuzz", key + "_udp", b"\0" + message)
        write("dnscrypt_fuzz", key + "_tcp", b"\1" + message)
    for key, message in HOSTILE.items():
        write("hostile", key, message)


def hash_of(text):
    value = 7
    for char in text:
        value = (value * 31 + ord(char)) % 1000003
    return value


if __name__ == "__main__":
    main()
