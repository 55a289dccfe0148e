"""Frames of HTTP/2 written by hand, for clients that misbehave."""

import base64
import struct

from client import question

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(name, value):
    """A header field as it is, not indexed; both shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def encoded(name, qtype="A"):
    """A question as it stands in the URL of a GET."""
    return base64.urlsafe_b64encode(question(name, qtype, id=0).to_wire()).rstrip(b"=").decode()


def get(name, qtype="A"):
    """The header block of a request that asks for a name."""
    return b"\x82\x86" + text(b":path", f"/dns-query?dns={encoded(name, qtype)}".encode()) + text(b":authority", b"a")


def post():
    return b"\x83\x86" + text(b":path", b"/dns-query") + text(b":authority", b"a")
