#!/usr/bin/python3
"""The encrypted console, exchanged with Debian's dnsdist 1.7.3 in both directions."""

import subprocess
import unittest

from client import run, tcp_connection
from harness import (BINARY, CONSOLE, DNSDIST, KEY, IS_DNSDIST, SystemTest, breakwater_only, child_environment,
                     temp_folder, write_file)

OTHER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
RULES = 'newServer{address="127.0.0.1:5399", name="first"}\naddAction(QNameRule("a.example."), DropAction())\n'


class Console(SystemTest):
    def pairs(self):
        """(server program, client program): both ways, and with itself."""
        return ((BINARY, DNSDIST), (DNSDIST, BINARY), (BINARY, BINARY))

    def test_one_command_is_executed_in_both_directions(self):
        for server, client in self.pairs():
            proxy = self.proxy(CONSOLE + RULES, binary=server)
            with self.subTest(server=server, client=client):
                self.assertIn("127.0.0.1:5399", proxy.console("showServers()", binary=client))
                self.assertIn("qname==a.example.", proxy.console("showRules()", binary=client))
                self.assertEqual(proxy.console("return 6 * 7", binary=client).strip(), "42")
                self.assertEqual(proxy.console("print('a'..'b')", binary=client).strip(), "ab" if server == BINARY
                                 and not IS_DNSDIST else proxy.console("print('a'..'b')").strip())
                proxy.console("clearRules()", binary=client)
                self.assertNotIn("a.example.", proxy.console("showRules()", binary=client))

    def test_many_commands_go_over_one_connection(self):
        for server, client in self.pairs():
            proxy = self.proxy(CONSOLE + RULES, binary=server)
            result = subprocess.run([client, "-C", proxy.config_path, "-c"], text=True, capture_output=True,
                                    input="return 1000 + 1\nreturn 1000 + 2\nshowRules()\nquit\n", timeout=30,
                                    env=dict(child_environment(), TERM="dumb", HOME=temp_folder()),
                                    cwd=temp_folder(), check=False)
            with self.subTest(server=server, client=client):
                for expected in ("1001", "1002", "qname==a.example."):
                    self.assertIn(expected, result.stdout + result.stderr)

    def test_an_answer_of_many_kilobytes_arrives_whole(self):
        for server, client in self.pairs():
            proxy = self.proxy(CONSOLE, binary=server)
            text = proxy.console("return string.rep('0123456789', 20000)", binary=client)
            self.assertEqual(len(text.strip()), 200000, (server, client))

    def test_an_error_is_told_and_the_console_goes_on(self):
        for server, client in self.pairs():
            proxy = self.proxy(CONSOLE, binary=server)
            self.assertIn("noSuchThing", proxy.console("noSuchThing()", binary=client))
            self.assertIn("rror", proxy.console("this is not Lua", binary=client))
            self.assertEqual(proxy.console("return 5", binary=client).strip(), "5")

    @breakwater_only
    def test_what_the_client_reads_warns_of_nothing(self):
        proxy = self.proxy(CONSOLE + 'newServer{address="127.0.0.1:5399", noSuchOption=1}\n')
        self.assertIn("noSuchOption", proxy.log())
        self.assertEqual(proxy.console("return 5"), "5\n")

    def test_a_wrong_key_is_refused(self):
        for server, client in self.pairs():
            proxy = self.proxy(CONSOLE + RULES, binary=server)
            wrong = write_file(temp_folder(), "wrong.conf",
                               f'controlSocket("127.0.0.1:{proxy.console_port}")\nsetKey("{OTHER_KEY}")\n')
            result = run(client, "-C", wrong, "-e", "showServers()")
            self.assertNotIn("5399", result.stdout, (server, client))
            self.assertIn("5399", proxy.console("showServers()", binary=client))

    def test_addresses_that_are_not_listed_are_refused(self):
        proxy = self.proxy(CONSOLE + RULES + 'setConsoleACL("127.0.0.2/32")\n')
        self.assertNotIn("5399", proxy.console("showServers()"))

    def test_without_a_key_the_console_is_refused(self):
        proxy = self.proxy('controlSocket("127.0.0.1:{console}")\n' + RULES)
        client = write_file(temp_folder(), "client.conf",
                            f'controlSocket("127.0.0.1:{proxy.console_port}")\nsetKey("{KEY}")\n')
        self.assertNotIn("5399", run(BINARY, "-C", client, "-e", "showServers()").stdout)

    def test_a_client_that_sends_rubbish_harms_only_itself(self):
        proxy = self.proxy(CONSOLE + RULES)
        for rubbish in (b"", b"GET / HTTP/1.0\r\n\r\n", bytes(24) + b"\xff\xff\xff\xff" + bytes(100),
                        bytes(24) + b"\x00\x00\x00\x05hello", bytes(24) + b"\x00\x00\x00\x00"):
            with tcp_connection(proxy.console_port) as connection:
                connection.sendall(rubbish)
        self.assertIn("5399", proxy.console("showServers()"))

    def test_make_key_gives_a_key_that_works(self):
        path = write_file(temp_folder(), "a.conf", CONSOLE.replace("{console}", "5199"))
        proxy = self.proxy(CONSOLE)
        made = proxy.console("return makeKey()") or run(BINARY, "-C", path, "-e", "makeKey()").stdout
        self.assertRegex(made, r'setKey\("[A-Za-z0-9+/]{43}="\)')

    def test_a_key_on_the_command_line_wins(self):
        proxy = self.proxy(CONSOLE + RULES)
        wrong = write_file(temp_folder(), "wrong.conf",
                           f'controlSocket("127.0.0.1:{proxy.console_port}")\n')
        for arguments in (["-c", f"127.0.0.1:{proxy.console_port}"], []):
            result = run(BINARY, "-C", wrong, "-k", KEY, *arguments, "-e", "showServers()")
            self.assertIn("5399", result.stdout, arguments)


if __name__ == "__main__":
    unittest.main()
