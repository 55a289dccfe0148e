"""A DNSCrypt client of its own, for tests: version 2 of the protocol, both encryptions, UDP and TCP.

libsodium (PyNaCl) gives X25519, Ed25519 and XSalsa20-Poly1305; XChaCha20-Poly1305 of NaCl's kind,
which it lacks, is written out here.
"""
import os
import socket
import struct
import time

import nacl.bindings as sodium

from harness import temp_folder

XSALSA20, XCHACHA20 = 1, 2
RESOLVER_MAGIC = b"r6fnvWj8"
MASK = 0xFFFFFFFF


def rotate(value, by):
    return ((value << by) & MASK) | (value >> (32 - by))


def chacha_rounds(state):
    state = list(state)
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            for one, other, sum_of, by in ((a, d, b, 16), (c, b, d, 12), (a, d, b, 8), (c, b, d, 7)):
                state[one] = (state[one] + state[sum_of]) & MASK
                state[other] = rotate(state[other] ^ state[one], by)
    return state


def chacha_state(key, tail):
    return struct.unpack("<16I", b"expand 32-byte k" + key + tail)


def hchacha20(key, nonce):
    state = chacha_rounds(chacha_state(key, nonce))
    return struct.pack("<8I", *state[:4], *state[12:])


def chacha20_stream(key, nonce, size):
    out = b""
    for block in range((size + 63) // 64):
        start = chacha_state(key, struct.pack("<Q", block) + nonce)
        out += struct.pack("<16I", *((a + b) & MASK for a, b in zip(chacha_rounds(start), start)))
    return out[:size]


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at:at + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) % (1 << 128)).to_bytes(16, "little")


def xchacha_box(content, nonce, key):
    """Encrypts or decrypts (without the MAC), and gives the key of the MAC."""
    stream = chacha20_stream(hchacha20(key, nonce[:16]), nonce[16:], 32 + len(content))
    return bytes(a ^ b for a, b in zip(content, stream[32:])), stream[:32]


def seal_box(suite, message, nonce, key):
    if suite == XSALSA20:
        return sodium.crypto_box_afternm(message, nonce, key)
    content, mac_key = xchacha_box(message, nonce, key)
    return poly1305(mac_key, content) + content


def open_box(suite, box, nonce, key):
    if suite == XSALSA20:
        return sodium.crypto_box_open_afternm(box, nonce, key)
    content, mac_key = xchacha_box(box[16:], nonce, key)
    if poly1305(mac_key, box[16:]) != box[:16]:
        raise ValueError("wrong MAC")
    return content


def agree(suite, public, secret):
    if suite == XSALSA20:
        return sodium.crypto_box_beforenm(public, secret)
    return hchacha20(sodium.crypto_scalarmult(secret, public), bytes(16))


def pad(message, least=0):
    size = max(least, (len(message) // 64 + 1) * 64)
    return message + b"\x80" + bytes(size - len(message) - 1)


def unpad(content):
    stripped = content.rstrip(b"\0")
    assert stripped[-1:] == b"\x80", "no padding"
    return stripped[:-1]


class Certificate:
    def __init__(self, data, provider_key=None):
        assert len(data) == 124 and data[:4] == b"DNSC" and data[6:8] == b"\0\0", data
        if provider_key is not None:
            sodium.crypto_sign_open(data[8:], provider_key)  # raises where it is forged
        self.data = data
        self.suite = struct.unpack("!H", data[4:6])[0]
        self.resolver_key = data[72:104]
        self.magic = data[104:112]
        self.serial, self.start, self.end = struct.unpack("!III", data[112:])


def make_certificate(provider_secret, resolver_key, suite, dates):
    """`dates` are serial, start and end."""
    content = resolver_key + resolver_key[:8] + struct.pack("!III", *dates)
    signature = sodium.crypto_sign(content, provider_secret)[:64]
    return Certificate(struct.pack("!4sHH", b"DNSC", suite, 0) + signature + content)


class Provider:
    """A provider's keys and certificates in files, made here."""

    def __init__(self):
        self.folder = temp_folder()
        self.key, self.secret = sodium.crypto_sign_keypair()
        self.public_path = self.write("provider.pub", self.key)
        self.secret_path = self.write("provider.key", self.secret)

    def write(self, name, octets):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(octets)
        return path

    def make(self, serial, suite=XSALSA20, start=-300, end=86400, name=None):
        """The certificate, and the paths of its files."""
        public, secret = sodium.crypto_box_keypair()
        now = int(time.time())
        certificate = make_certificate(self.secret, public, suite, (serial, now + start, now + end))
        name = name or str(serial)
        return certificate, self.write(f"{name}.cert", certificate.data), self.write(f"{name}.key", secret)


class Session:
    """One client key with one certificate."""

    def __init__(self, certificate, keys=None):
        self.certificate = certificate
        self.public, self.secret = keys or sodium.crypto_box_keypair()
        self.key = agree(certificate.suite, certificate.resolver_key, self.secret)

    def seal(self, message, least=256, nonce=None):
        """The packet, and the half of the nonce by which its answer is opened."""
        half = nonce or os.urandom(12)
        box = seal_box(self.certificate.suite, pad(message, least), half + bytes(12), self.key)
        return self.certificate.magic + self.public + half + box, half

    def open(self, packet, half):
        assert packet[:8] == RESOLVER_MAGIC, packet[:8]
        assert packet[8:20] == half, "another query's answer"
        assert packet[20:32] != bytes(12), "no nonce of the resolver's own"
        return unpad(open_box(self.certificate.suite, packet[32:], packet[8:32], self.key))


def exchange_udp(port, packet, timeout=5):
    """None where no answer comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port))
        sock.send(packet)
        try:
            return sock.recv(65535)
        except TimeoutError:
            return None


class Stream:
    def __init__(self, port, timeout=5):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.sock.makefile("rb")

    def send(self, packet):
        self.sock.sendall(struct.pack("!H", len(packet)) + packet)

    def receive(self):
        """None at the end of the stream."""
        try:
            length = self.file.read(2)
        except ConnectionResetError:
            return None
        return self.file.read(struct.unpack("!H", length)[0]) if len(length) == 2 else None

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
