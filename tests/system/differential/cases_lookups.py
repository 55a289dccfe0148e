"""Key-value stores: what a look-up finds is told as TXT; a selector's match is seen as REFUSED."""

import os

from case import BACKEND, SAY, Case
from harness import temp_folder
from outcome import Q
from stores import make_cdb, make_lmdb, wire

FOLDER = temp_folder()
CDB, LMDB = os.path.join(FOLDER, "a.cdb"), os.path.join(FOLDER, "a.mdb")
NAMES = {wire("www.example.org"): b"wire", b"www.example.org": b"text", wire("example.org"): b"parent",
         b"example.org": b"parent text", b".": b"root", b"\0": b"wire root", b"empty": b"", b"seven": b"of seven",
         wire("org"): b"top", bytes([127, 0, 0, 1]): b"home", bytes([127, 0, 0, 0]): b"net"}
RANGES = {bytes([127, 0, 0, 127]): bytes([127, 0, 0, 2]) + b"some", bytes([127, 0, 1, 255]): bytes([127, 0, 1]),
          wire("z"): wire("www")}
make_cdb(CDB, NAMES)
make_lmdb(LMDB, "db", NAMES)
make_lmdb(LMDB, "ranges", RANGES)

STORES = {"cdb": f'kvs = newCDBKVStore("{CDB}", 3600)\n', "lmdb": f'kvs = newLMDBKVStore("{LMDB}", "db")\n'}
RANGE_STORE = f'kvs = newLMDBKVStore("{LMDB}", "ranges")\n'
KEYS = {
    "qname": "KeyValueLookupKeyQName()", "qname_wire": "KeyValueLookupKeyQName(true)",
    "qname_text": "KeyValueLookupKeyQName(false)", "suffix": "KeyValueLookupKeySuffix()",
    "suffix_2": "KeyValueLookupKeySuffix(2)", "suffix_3_text": "KeyValueLookupKeySuffix(3, false)",
    "suffix_text": "KeyValueLookupKeySuffix(0, false)", "source": "KeyValueLookupKeySourceIP()",
    "source_24": "KeyValueLookupKeySourceIP(24, 48)", "source_port": "KeyValueLookupKeySourceIP(32, 128, true)",
    "tag": 'KeyValueLookupKeyTag("customer")', "no_tag": 'KeyValueLookupKeyTag("other")'}
QUESTIONS = [Q(name, "TXT", source=source) for name, source in (
    ("www.example.org", "127.0.0.1"), ("WWW.Example.ORG", "127.0.0.1"), ("a.www.example.org", "127.0.0.9"),
    ("x.org", "127.1.0.1"), ("org", "127.0.0.1"), ("example.net", "127.0.0.1"), (".", "127.0.0.1"))]
TELL = SAY + "addAction(AllRule(), LuaAction(function(dq) return say('<' .. dq:getTag('found') .. '>') end))\n"
TAGGED = 'addAction(AllRule(), SetTagAction("customer", "seven"))\n'


def lookups(store, key):
    head = BACKEND + STORES[store] + TAGGED
    return [
        Case(f"lookup_action_{store}_{key}", head + f'addAction(AllRule(), KeyValueStoreLookupAction(kvs, {KEYS[key]}, '
             f'"found"))\n{TELL}', QUESTIONS, raw_answers=True),
        Case(f"lookup_rule_{store}_{key}", head + f"addAction(KeyValueStoreLookupRule(kvs, {KEYS[key]}), "
             "RCodeAction(DNSRCode.REFUSED))\n", QUESTIONS)]


RANGE_QUESTIONS = [Q("www.example.org", "TXT", source=s)
                   for s in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.127", "127.0.0.128", "127.0.1.7")]
# Where the key is not in the range the selector does not match, but the action of 1.7.3 takes the value all the same.
LEAKS = {index: ("a range that does not hold the key is not found", 'TXT "<>"') for index in (0, 4, 5)}
RANGE_KEYS = {"source": KEYS["source"], "port": KEYS["source_port"], "qname": KEYS["qname"]}
CONSOLE_LINES = [
    "kvs:lookup(newDNSName('www.example.org'))", "kvs:lookup(newDNSName('WWW.example.org'), false)",
    "kvs:lookup('seven')", "kvs:lookup('none')", "kvs:lookup('empty')", "kvs:lookup(newCA('127.0.0.1'))",
    "kvs:lookup(newCA('127.0.0.1:53'))", "kvs:lookupSuffix(newDNSName('a.www.example.org'))",
    "kvs:lookupSuffix(newDNSName('a.example.org'), 3)", "kvs:lookupSuffix(newDNSName('a.b.org'), 0, false)",
    "kvs:lookupSuffix(newDNSName('a.b.org'), 2, true)"]

CASES = [case for store in STORES for key in KEYS for case in lookups(store, key)]
CASES += [Case(f"lookup_range_action_{name}", BACKEND + RANGE_STORE + "addAction(AllRule(), "
               f'KeyValueStoreRangeLookupAction(kvs, {key}, "found"))\n{TELL}', RANGE_QUESTIONS, raw_answers=True,
               differs=LEAKS if name == "source" else {})
          for name, key in RANGE_KEYS.items()]
CASES += [Case(f"lookup_range_rule_{name}", BACKEND + RANGE_STORE + f"addAction(KeyValueStoreRangeLookupRule(kvs, {key}), "
               "RCodeAction(DNSRCode.REFUSED))\n", RANGE_QUESTIONS) for name, key in RANGE_KEYS.items()]
CASES += [Case(f"lookup_console_{store}", BACKEND + line + "addAction(QNameRule('never'), DropAction())\n",
               console=CONSOLE_LINES + ["showRules()"])
          for store, line in STORES.items()]
CASES += [Case(f"lookup_texts_{name}", BACKEND + STORES["cdb"] + f"addAction(KeyValueStoreLookupRule(kvs, {key}), "
               f'KeyValueStoreLookupAction(kvs, {key}, "found"))\n', console=["showRules({truncateRuleWidth=300})"])
          for name, key in KEYS.items()]
CASES.append(Case("address_cipher", BACKEND, console=[
    f"newCA('{address}'):{call}(makeIPCipherKey('{password}')):toStringWithPort()"
    for address in ("192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::ff]:5353", "0.0.0.0", "255.255.255.255")
    for call in ("ipencrypt", "ipdecrypt") for password in ("", "a password")]))
