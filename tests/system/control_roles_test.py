#!/usr/bin/python3
"""Roles, tokens and the audit log of the control socket, with breakwaterctl run by other users."""

import grp
import json
import os
import pwd
import shutil
import socket
import subprocess
import time
import unittest

from client import run
from harness import BINARY, CONTROL, SystemTest, breakwater_only, child_environment, temp_folder, wait_until, write_file

SHOP, OPS = "shop-0123456789abcdef", "ops-0123456789abcdef"
# What exists on every Debian: two users with roles of their own, two that have groups, a stranger.
NAMED, OTHER, MEMBER, STRANGER = "games", "man", "lp", "news"
CONFIG = """
controlUnixSocket("{dir}/control.sock", {mode="0666", group="audio", audit="{dir}/audit.log",
  roles={%s="operate", %s="flush", ["@video"]="flush"}})
addControlToken({name="shop", tokenFile="{dir}/shop.token", zones={"example.com", "shop.example.net"}})
addControlToken({name="ops", token="%s", role="operate"})
newServer{address="127.0.0.1:1", name="first", healthCheckMode="up"}
getPool(""):setCache(newPacketCache(1000))
""" % (NAMED, OTHER, OPS)
NAMES = ("www.example.com", "example.com", "shop.example.net", "a.b.shop.example.net")
OUTSIDE = ("example.net", "com", ".", "example.org", "notexample.com")


@breakwater_only
@unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
class Roles(SystemTest):
    def setUp(self):
        self.folder = temp_folder()
        self.token_file = write_file(self.folder, "shop.token", SHOP + "\n")
        os.chmod(self.token_file, 0o640)
        # The other users may be kept out of the folder that it was built in.
        self.program = shutil.copy(CONTROL, self.folder)
        self.front = self.proxy(CONFIG, folder=self.folder)

    def control(self, *words, user="root", groups=(), token=None):
        """breakwaterctl as another user: its exit status."""
        entry = pwd.getpwnam(user)
        environment = child_environment()
        if token:
            environment["BREAKWATER_TOKEN"] = token
        self.result = subprocess.run(
            [self.program, "--socket", f"{self.folder}/control.sock", *words], check=False, capture_output=True, text=True,
            timeout=60, env=environment, user=entry.pw_uid, group=entry.pw_gid,
            extra_groups=[grp.getgrnam(group).gr_gid for group in groups])
        return self.result.returncode

    def audit(self):
        with open(f"{self.folder}/audit.log", encoding="ascii") as file:
            return file.read().splitlines()

    def test_each_user_may_what_the_roles_say(self):
        commands = {"read": ["servers"], "flush": ["flush", "example.com"], "operate": ["server", "first", "up"]}
        callers = (("root", (), "operate"), (NAMED, (), "operate"), (OTHER, (), "flush"), (OTHER, ("audio",), "flush"),
                   (MEMBER, ("audio",), "operate"), (MEMBER, ("video",), "flush"), (MEMBER, ("video", "audio"), "operate"),
                   (STRANGER, (), "read"))
        for user, groups, role in callers:
            for needed, words in commands.items():
                may = list(commands).index(role) >= list(commands).index(needed)
                self.assertEqual(self.control(*words, user=user, groups=groups), 0 if may else 4, (user, groups, words))
                self.assertIn("outcome=ok" if may else "outcome=denied", self.audit()[-1])
                self.assertIn(f"user={user} ", self.audit()[-1])

    def test_a_token_flushes_its_zones_and_nothing_else(self):
        for words in (["--suffix"], ["--suffix", "--hard"], ["--hard"], []):
            for name in NAMES:
                self.assertEqual(self.control("flush", name, *words, user=STRANGER, token=SHOP), 0, (name, words))
            for name in OUTSIDE:
                self.assertEqual(self.control("flush", name, *words, user=STRANGER, token=SHOP), 4, (name, words))
                self.assertIn("outside of its zones", self.result.stderr)
                self.assertRegex(self.audit()[-1], f'role=flush token=shop command=flush .*name={name} .*outcome=denied')
        self.assertEqual(self.control("server", "first", "down", token=SHOP), 4)
        self.assertEqual(self.control("certificates", "reload", token=SHOP), 4)
        # An administrator who shows it has no more rights than it gives.
        self.assertEqual(self.control("flush", "example.org", token=SHOP), 4)
        self.assertEqual(self.control("flush", "example.org"), 0)

    def test_a_list_with_one_name_outside_is_stopped_there(self):
        listed = write_file(self.folder, "names.txt", "example.com\nexample.org\nwww.example.com\n")
        self.assertEqual(self.control("flush", "--list", listed, user=STRANGER, token=SHOP), 4)
        self.assertIn("example.org. ", self.result.stderr.replace(":", " "))

    def test_a_token_takes_back_its_own_flushes_only(self):
        def flush(name, **options):
            self.assertEqual(self.control("--json", "flush", name, **options), 0)
            return str(json.loads(self.result.stdout)["id"])
        theirs, ours = flush("www.example.com"), flush("example.com", token=SHOP)
        by_ops = flush("a.example.com", token=OPS)
        for number in (theirs, by_ops, "999"):
            self.assertEqual(self.control("flush", "undo", number, user=STRANGER, token=SHOP), 4, number)
        self.assertEqual(self.control("flush", "undo", ours, user=STRANGER, token=SHOP), 0)
        self.assertEqual(self.control("flush", "undo", theirs, user=STRANGER, token=OPS), 0)

    def test_tokens_come_from_a_file_or_the_environment(self):
        self.assertEqual(self.control("server", "first", "down", user=STRANGER, token=OPS), 0)
        self.assertEqual(self.control("--token-file", self.token_file, "flush", "example.org"), 4)
        self.assertEqual(self.control("--token-file", self.token_file, "flush", "example.com"), 0)
        self.assertEqual(self.control("--token-file", self.token_file, "status", user=STRANGER), 2)
        self.assertEqual(self.control("--token-file", "/nonexistent", "status"), 2)

    def test_wrong_tokens_are_slow_and_leave_others_alone(self):
        began = time.monotonic()
        guesses = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(guesses.close)
        guesses.connect(f"{self.folder}/control.sock")
        guesses.sendall(b'{"command":"status","token":"guess-one"}\n{"command":"status","token":"guess-two"}\n')
        wait_until(lambda: "known here" in self.audit()[-1] if self.audit() else False, "the refusal in the audit log")
        self.assertEqual(self.control("status", user=STRANGER), 0)
        self.assertLess(time.monotonic() - began, 1)
        replies = guesses.makefile()
        for _ in range(2):
            self.assertEqual(json.loads(replies.readline())["code"], "denied")
        self.assertGreater(time.monotonic() - began, 1.9)
        self.assertFalse([line for line in self.audit() if "guess-" in line])
        self.assertEqual(self.control("status", token="guess-three"), 4)

    def test_the_audit_log_cannot_be_forged_and_is_followed_when_moved(self):
        evil = 'x"\n2026-01-01T00:00:00Z uid=0 user=root role=admin command=flush outcome=ok'
        self.assertEqual(self.control("server", evil, "up"), 1)
        self.assertEqual(self.control("flush", evil), 1)
        self.assertEqual(self.control("status"), 0)
        lines = self.audit()
        self.assertEqual(len(lines), 3, lines)
        self.assertIn(r'server="x\x22\x0a2026', lines[0])
        os.rename(f"{self.folder}/audit.log", f"{self.folder}/audit.log.1")
        self.assertEqual(self.control("version"), 0)
        self.assertRegex(self.audit()[0], r"^\S+Z uid=0 user=root pid=\d+ role=admin command=version outcome=ok$")
        self.assertEqual(len(self.audit()), 1)

    def test_what_cannot_be_is_told_at_once(self):
        write_file(self.folder, "open.token", SHOP)
        for line, text in (('controlUnixSocket("/x", {roles={["no-such-user"]="read"}})', "there is no user 'no-such-user'"),
                           (f'addControlToken({{name="a", tokenFile="{self.folder}/open.token"}})', "open to everybody"),
                           ('addControlToken({name="a", token="short"})', "16 characters or more")):
            path = write_file(self.folder, "check.conf", line + "\n")
            check = run(BINARY, "-C", path, "--check-config")
            self.assertNotEqual(check.returncode, 0, line)
            self.assertIn(text, check.stdout + check.stderr)


if __name__ == "__main__":
    unittest.main()
