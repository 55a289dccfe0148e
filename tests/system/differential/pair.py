"""dnsdist 1.7.3 and Breakwater with the same configuration, and what clients see of each."""

import concurrent.futures
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from client import run  # noqa: E402
from harness import BINARY, CONSOLE, DNSDIST, IS_DNSDIST, Proxy, accepts_tcp, free_port, wait_until  # noqa: E402

SHOW = os.environ.get("DIFFERENTIAL_SHOW")  # prints what dnsdist saw, to judge a case by


class Pair(unittest.TestCase):
    """In configurations {tls} and {https} are ports of the program under test, {dir} its folder."""
    maxDiff = None

    def compare(self, config, look, differs=None, newer=None):
        """`look(proxy)` gives a dict; both programs' must be equal but for the keys of `differs`.

        There stands a pair: why 2.1 does otherwise, and what Breakwater must give.
        """
        differs = differs or {}
        with concurrent.futures.ThreadPoolExecutor() as threads:
            both = [threads.submit(self.outcome, *how, look) for how in ((DNSDIST, config), (BINARY, newer or config))]
            old, new = (one.result() for one in both)
        if SHOW:
            print(self.id(), *old.items(), sep="\n    ")
        self.assertEqual(set(old), set(new))
        self.assertLessEqual(set(differs), set(old))
        if IS_DNSDIST:
            differs = {}
        for key, (reason, expected) in differs.items():
            self.assertEqual(new[key], expected, f"{key}: {reason}")
            self.assertNotEqual(old[key], expected, f"{key} no longer differs")
        def wrong():
            return [f"{key}: 1.7.3 {old[key]}, now {new[key]}" for key in old
                    if key not in differs and old[key] != new[key]]
        if wrong():  # the old one lets go of a connection now and then where the machine is busy
            old = self.outcome(DNSDIST, config, look)
        self.assertEqual(wrong(), [])

    def outcome(self, binary, config, look):
        ports = {name: free_port() for name in ("tls", "https")}
        used = [port for name, port in ports.items() if "{" + name + "}" in config]
        for name, port in ports.items():
            config = config.replace("{" + name + "}", str(port))
        if binary == DNSDIST:
            config = 'setSecurityPollSuffix("")\n' + config
        proxy = Proxy(CONSOLE + 'setLocal("127.0.0.1:{port}")\n' + config, binary=binary)
        try:
            proxy.start()
            proxy.tls, proxy.https = ports["tls"], ports["https"]
            wait_until(lambda: all(accepts_tcp(port) for port in used), "the ports")
            return look(proxy)
        finally:
            proxy.kill()


def s_client(port, *words):
    """What openssl s_client says of a connection that it opens and closes."""
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *words).stdout


def handshake(port, *words):
    """Version, cipher and subject of what was agreed on; "refused" where nothing was."""
    said = s_client(port, *words)
    agreed = re.search(r"^(New|Reused), (\S+), Cipher is (\S+)$", said, re.M)
    if agreed is None or agreed.group(3) == "(NONE)":
        return "refused"
    protocol = re.search(r"^ *Protocol *: (\S+)$", said, re.M)
    subject = re.search(r"^subject=(.*)$", said, re.M)
    return (protocol.group(1) if protocol else agreed.group(2), agreed.group(3), subject.group(1) if subject else "none")
