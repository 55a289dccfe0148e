"""What no TLS library's interface lets a client do: ask again and again for new keys, within one connection."""

import ctypes
import ctypes.util
import hmac
import os
import ssl
import struct
import tempfile

KEY_UPDATE_REQUESTED = 1


def derive(secret, label, seed, size):
    """The pseudo-random function of TLS 1.2 (RFC 5246, 5)."""
    seed, block, out = label + seed, label + seed, b""
    while len(out) < size:
        block = hmac.digest(secret, block, "sha256")
        out += hmac.digest(secret, block + seed, "sha256")
    return out[:size]


class OldTls:
    """A TLS 1.2 connection with NULL-SHA256: records are signed and not sealed, so that we can write our own."""

    def __init__(self, plain):
        self.socket = plain
        with tempfile.NamedTemporaryFile() as keys:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("NULL-SHA256:@SECLEVEL=0")
            context.keylog_filename = keys.name
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self.incoming, self.outgoing)
            server_random = self.shake()
            words = keys.read().split()
        at = words.index(b"CLIENT_RANDOM")
        client_random, master = (bytes.fromhex(word.decode()) for word in words[at + 1:at + 3])
        self.key = derive(master, b"key expansion", server_random + client_random, 32)
        self.sequence = 1  # after Finished

    def shake(self):
        """The handshake; gives the random value of the server's hello, which is its first message."""
        first = b""
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                got = self.socket.recv(65536)
                if not got:
                    raise ConnectionError("closed during the handshake") from None
                first = (first + got)[:64]
                self.incoming.write(got)
        self.socket.sendall(self.outgoing.read())
        return first[11:43]

    def record(self, kind, content):
        head = struct.pack("!BHH", kind, 0x0303, len(content))
        signature = hmac.digest(self.key, struct.pack("!Q", self.sequence) + head + content, "sha256")
        self.sequence += 1
        return struct.pack("!BHH", kind, 0x0303, len(content) + len(signature)) + content + signature

    def hello_again(self):
        """A record that asks for renegotiation."""
        body = b"\x03\x03" + os.urandom(32) + b"\0" + b"\0\x02\0\x3b" + b"\x01\0"
        return self.record(22, b"\x01" + struct.pack("!I", len(body))[1:] + body)

    def data(self, content):
        return self.record(23, content)


def _library():
    """libssl with the types of what is used of it."""
    library = ctypes.CDLL(ctypes.util.find_library("ssl"))
    pointer = ctypes.c_void_p
    for name, result, arguments in (
            ("TLS_client_method", pointer, []), ("SSL_CTX_new", pointer, [pointer]), ("SSL_new", pointer, [pointer]),
            ("SSL_set_fd", ctypes.c_int, [pointer, ctypes.c_int]), ("SSL_connect", ctypes.c_int, [pointer]),
            ("SSL_key_update", ctypes.c_int, [pointer, ctypes.c_int]), ("SSL_do_handshake", ctypes.c_int, [pointer]),
            ("SSL_free", None, [pointer]), ("SSL_CTX_free", None, [pointer])):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def update_keys(plain, most):
    """TLS 1.3 over a socket, then up to `most` wishes for new keys; gives how many could be sent."""
    library = _library()
    plain.setblocking(True)
    context = library.SSL_CTX_new(library.TLS_client_method())
    connection = library.SSL_new(context)
    try:
        library.SSL_set_fd(connection, plain.fileno())
        if library.SSL_connect(connection) != 1:
            raise ConnectionError("no handshake")
        for count in range(most):
            library.SSL_key_update(connection, KEY_UPDATE_REQUESTED)
            if library.SSL_do_handshake(connection) != 1:
                return count
        return most
    finally:
        library.SSL_free(connection)
        library.SSL_CTX_free(context)
