#!/usr/bin/python3
"""Writes an MMDB file, from the public description of the format (MaxMind DB, version 2.0).

mmdb_writer.py FILE reads {"192.0.2.0/24": {"country": {"iso_code": "NL"}}, ...} from its standard input.
Where networks lie in each other the longest decides. Whole numbers become uint32, others double.
"""

import ipaddress
import json
import struct
import sys

MAP, ARRAY, UINT64, BOOLEAN = 7, 11, 9, 14
RECORD_BITS = 24
SEPARATOR = bytes(16)


def control(kind, size):
    first = min(size, 29) | (kind << 5 if kind < 8 else 0)
    extended = bytes([kind - 7]) if kind > 7 else b""
    if size < 29:
        return bytes([first]) + extended
    if size < 285:
        return bytes([first]) + extended + bytes([size - 29])
    return bytes([first + 1]) + extended + struct.pack("!H", size - 285)


def unsigned(kind, value):
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return control(kind, len(data)) + data


def encoded(value):
    if isinstance(value, bool):
        return control(BOOLEAN, int(value))
    if isinstance(value, int):
        return unsigned(6, value)
    if isinstance(value, float):
        return control(3, 8) + struct.pack("!d", value)
    if isinstance(value, list):
        return control(ARRAY, len(value)) + b"".join(encoded(item) for item in value)
    if isinstance(value, dict):
        return control(MAP, len(value)) + b"".join(encoded(k) + encoded(v) for k, v in value.items())
    data = value.encode()
    return control(2, len(data)) + data


def metadata(nodes):
    entries = [("binary_format_major_version", unsigned(5, 2)), ("binary_format_minor_version", unsigned(5, 0)),
               ("build_epoch", unsigned(UINT64, 1700000000)), ("database_type", encoded("Test")),
               ("description", encoded({"en": "written by a test"})), ("ip_version", unsigned(5, 6)),
               ("languages", encoded(["en"])), ("node_count", unsigned(6, nodes)),
               ("record_size", unsigned(5, RECORD_BITS))]
    return (b"\xab\xcd\xefMaxMind.com" + control(MAP, len(entries))
            + b"".join(encoded(name) + data for name, data in entries))


def bits_of(network):
    """IPv4 networks lie in ::/96."""
    value = int(network.network_address)
    length = network.prefixlen + (96 if network.version == 4 else 0)
    return [value >> (127 - i) & 1 for i in range(length)]


def mmdb(records):
    root, data, offsets = [None, None], b"", {}
    networks = sorted((ipaddress.ip_network(text) for text in records), key=lambda n: len(bits_of(n)))
    for network in networks:
        record = encoded(records[str(network)])
        if record not in offsets:
            offsets[record] = len(data)
            data += record
        node, bits = root, bits_of(network)
        for bit in bits[:-1]:
            if not isinstance(node[bit], list):  # what was said of the larger network stays for the rest of it
                node[bit] = [node[bit], node[bit]]
            node = node[bit]
        node[bits[-1]] = offsets[record]
    nodes = [root]
    for node in nodes:  # grows meanwhile
        nodes += [child for child in node if isinstance(child, list)]
    number = {id(node): i for i, node in enumerate(nodes)}

    def value(child):
        if isinstance(child, list):
            return number[id(child)]
        return len(nodes) if child is None else len(nodes) + len(SEPARATOR) + child
    tree = b"".join(value(child).to_bytes(3, "big") for node in nodes for child in node)
    return tree + SEPARATOR + data + metadata(len(nodes))


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as file:
        file.write(mmdb(json.load(sys.stdin)))
