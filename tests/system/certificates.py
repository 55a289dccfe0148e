"""Certificates for tests, made with openssl as an operator would."""

import os

from client import run
from harness import temp_folder


class Certificates:
    """A CA and what it signs, in a folder that goes with the test."""

    def __init__(self):
        self.folder = temp_folder()
        self.count = 0
        self.ca, self.ca_key = self.path("ca.pem"), self.path("ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", self.ca_key, "-out", self.ca, "-days", "30", "-subj", "/CN=Test CA")

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, *names, days=30, into=None):
        """Certificate and key for these names; the first is the CN. `into`: an older pair to write over."""
        self.count += 1
        certificate, key = into or (self.path(f"{self.count}.pem"), self.path(f"{self.count}.key"))
        request, extension = self.path("request"), self.path("extension")
        with open(extension, "w", encoding="ascii") as file:
            file.write("subjectAltName=" + ",".join(f"DNS:{n}" for n in names) + ",IP:127.0.0.1\n")
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", key, "-out", request, "-subj", f"/CN={names[0]}")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-out", certificate,
                 "-days", str(days), "-extfile", extension, "-set_serial", str(self.count))
        return certificate, key

    def pkcs12(self, pair, password, *words):
        path = self.path("bundle.p12")
        _openssl("pkcs12", "-export", *words, "-in", pair[0], "-inkey", pair[1], "-out", path, "-passout",
                 f"pass:{password}")
        return path


def self_signed(folder):
    """Makes a certificate for doh.test and 127.0.0.1; gives the paths of it and its key."""
    paths = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", paths[1], "-out", paths[0], "-days", "30", "-subj", "/CN=doh.test", "-addext",
             "subjectAltName=DNS:doh.test,IP:127.0.0.1")
    return paths


def _openssl(*arguments):
    done = run("openssl", *arguments)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(arguments)}: {done.stderr}")
