#!/usr/bin/python3
"""Every configuration in examples/ is run, and the quickstart does what the README says."""

import glob
import os
import re
import signal
import subprocess
import unittest

from client import addresses, ask, run
from harness import BINARY, ROOT, Process, SystemTest, breakwater_only, free_port, temp_folder, wait_until
from nameservers import Nsd, answers

with open(os.path.join(ROOT, "examples/zones/example.org.zone"), encoding="utf-8") as zone:
    ZONES = {"example.org": zone.read()}


class Examples(SystemTest):
    @breakwater_only
    def test_every_example_answers_once_its_addresses_are_local(self):
        nsd = self.started(Nsd(ZONES))
        paths = sorted(glob.glob(os.path.join(ROOT, "examples/*.conf")))
        self.assertTrue(paths)
        for path in paths:
            text = file_text(path)
            with self.subTest(os.path.basename(path)):
                backend = [] if "newServer" in text else [f"127.0.0.1:{nsd.port}"]
                proxy = self.proxy(localised(text, nsd.port), arguments=backend)
                self.assertIn("192.0.2.80", addresses(ask("web.example.org", port=proxy.port)))
                self.stop_cleanly(proxy)

    @breakwater_only
    def test_the_quickstart_serves_and_stops_cleanly_on_ctrl_c(self):
        folder = temp_folder()
        environment = dict(os.environ, BREAKWATER=BINARY, QUICKSTART_PORT=str(free_port()), TMPDIR=folder)
        script = Process([os.path.join(ROOT, "examples/quickstart.sh")], os.path.join(folder, "log"), env=environment)
        self.addCleanup(stop_group, script)
        wait_until(lambda: "Ctrl-C" in script.log() or not script.running(), "the quickstart", timeout_s=60)
        commands = re.findall(r"^  (dig .*)$", script.log(), re.M)
        self.assertGreaterEqual(len(commands), 3, script.log())
        for command in commands:
            result = run(*command.split())
            self.assertRegex(result.stdout, "status: (NOERROR|NXDOMAIN)", command)
        ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", script.log())]
        os.killpg(script.pid, signal.SIGINT)  # what the terminal does on Ctrl-C
        self.assertEqual(script.wait(20), 0, script.log())
        for port in ports:
            self.assertFalse(answers(port, "example.org"), port)
        self.assertEqual(os.listdir(folder), ["log"])


def stop_group(script):
    if script.running():
        os.killpg(script.pid, signal.SIGTERM)
        try:
            script.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(script.pid, signal.SIGKILL)


def file_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def localised(text, backend):
    """The example with its listeners and backends on loopback, so that it runs anywhere."""
    text = re.sub(r'(newServer\s*\{\s*address\s*=\s*|newServer\s*\(\s*)"[^"]+"', rf'\1"127.0.0.1:{backend}"', text)
    text = re.sub(r'(setLocal|addLocal)\("\[[^"]*"', rf'\1("[::1]:{{port}}"', text)
    text = re.sub(r'(setLocal|addLocal)\("(?!\[)[^"]*"', rf'\1("127.0.0.1:{{port}}"', text)
    text = re.sub(r'(controlSocket|webserver)\("[^"]*"', lambda m: f'{m.group(1)}("127.0.0.1:{free_port()}"', text)
    return re.sub(r'controlUnixSocket\("[^"]*"', f'controlUnixSocket("{temp_folder()}/control.sock"', text)


if __name__ == "__main__":
    unittest.main()
