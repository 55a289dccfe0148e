#!/usr/bin/python3
"""SIGTERM ends the program whatever Lua does just then, and a console command ends with its client."""

import os
import socket
import subprocess
import time
import unittest

from harness import (BINARY, CONSOLE, SANITIZED, Proxy, SystemTest, breakwater_only, child_environment, temp_folder,
                     wait_until)

PATIENCE_S = 10  # two seconds for what is in flight, two for Lua, two for a worker, and a busy machine


@breakwater_only
@unittest.skipIf(SANITIZED == "tsan", "TSan holds back the signal that stops Lua")
class Stop(SystemTest):
    def console_client(self, proxy, command):
        """Does not wait for the answer."""
        client = subprocess.Popen([BINARY, "-C", proxy.config_path, "-e", command], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=child_environment())
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        return client

    def busy(self, proxy, command):
        """A console client whose command has begun."""
        mark = os.path.join(proxy.folder, "begun")
        client = self.console_client(proxy, f"io.open('{mark}', 'w'):close() {command}")
        wait_until(lambda: os.path.exists(mark), "the command to begin")
        return client

    def ends(self, proxy):
        began = time.monotonic()
        self.assertEqual(proxy.stop(), 0, proxy.log())
        self.assertLess(time.monotonic() - began, PATIENCE_S, proxy.log())

    def test_a_stop_does_not_wait_for_a_command_of_the_console(self):
        for command in ("while true do end",
                        "while true do pcall(function() while true do end end) end",
                        "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
                        "coroutine.wrap(function() while true do pcall(string.rep, 'a', 9) end end)()"):
            with self.subTest(command=command):
                exits = os.path.join(temp_folder(), "exits")
                proxy = self.proxy(CONSOLE + f"addExitCallback(function() io.open('{exits}', 'w'):close() end)\n")
                self.busy(proxy, command)
                self.ends(proxy)
                self.assertTrue(os.path.exists(exits), "the exit callback")

    def test_a_stop_does_not_wait_for_a_function_that_does_not_return(self):
        proxy = self.proxy(CONSOLE)
        self.busy(proxy, "os.execute('exec sleep 30')")
        self.ends(proxy)
        self.assertIn("does not return", proxy.log())

    def test_a_stop_does_not_wait_for_a_worker_that_does_not_return(self):
        # 2^60 ways to match, all of them within one C function.
        endless = "infolog('matching') string.find(string.rep('a', 60), string.rep('a?', 60) .. string.rep('a', 60))"
        for action in (f"LuaAction(function(dq) {endless} return DNSAction.None end)",
                       f"LuaFFIPerThreadAction([[return function(dq) {endless} return 0 end]])"):
            with self.subTest(action=action):
                exits = os.path.join(temp_folder(), "exits")
                proxy = self.proxy(f"addAction(AllRule(), {action})\n"
                                   f"addExitCallback(function() io.open('{exits}', 'w'):close() end)\n")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", ("127.0.0.1", proxy.port))
                    wait_until(lambda: "matching" in proxy.log(), "the match to begin")
                    self.ends(proxy)
                self.assertRegex(proxy.log(), "worker [0-9]+ does not end: .* it is doing: .*Lua.*Action")
                if "PerThread" in action:
                    self.assertTrue(os.path.exists(exits), "the exit callback")

    def test_a_stop_does_not_wait_for_maintenance_nor_an_exit_callback(self):
        proxy = self.proxy("function maintenance() print('looping') while true do end end\n"
                           "addExitCallback(function() while true do end end)\n")
        wait_until(lambda: "looping" in proxy.log(), "maintenance")
        self.ends(proxy)

    def test_a_signal_ends_the_program_while_its_file_is_read(self):
        proxy = Proxy("print('reading') while true do end\n")
        self.addCleanup(proxy.kill)
        wait_until(lambda: "reading" in proxy.log(), "the file to be read")
        self.ends(proxy)
        self.assertIn("while the configuration was read", proxy.log())

    def test_the_command_of_a_client_that_is_gone_ends(self):
        proxy = self.proxy(CONSOLE)
        client = self.busy(proxy, "while true do end")
        client.kill()
        self.assertEqual(proxy.console("return 6 * 7").strip(), "42")
        self.assertEqual(proxy.console("return coroutine.wrap(function() return 5 end)()").strip(), "5")


if __name__ == "__main__":
    unittest.main()
