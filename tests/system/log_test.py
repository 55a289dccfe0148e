#!/usr/bin/python3
"""Where log lines go: files that are moved away and made anew, a full disk, syslog, systemd's journal."""

import os
import re
import shutil
import signal
import socket
import struct
import unittest

from client import addresses, ask, run
from harness import BINARY, CONSOLE, DNSDIST, Proxy, SystemTest, breakwater_only, temp_folder, wait_until, write_file

REST = 'addAction(AllRule(), SpoofAction("192.0.2.1"))\n'
# Runs a program with sockets of our own as /dev/log and /run/systemd/journal/socket. {sockets} is their folder.
NAMESPACE = """#!/bin/sh
SOCKETS={sockets} exec unshare -m sh -c '
set -e
mkdir $SOCKETS/dev $SOCKETS/journal -p
mount -t tmpfs none /run && mkdir -p /run/systemd/journal
mount --bind $SOCKETS/journal /run/systemd/journal
mount -t tmpfs none $SOCKETS/dev
for device in null zero full random urandom; do
  touch $SOCKETS/dev/$device && mount --bind /dev/$device $SOCKETS/dev/$device
done
ln -s $SOCKETS/log $SOCKETS/dev/log
mount --rbind $SOCKETS/dev /dev
program=$1; shift
for argument; do shift; [ "$argument" = --disable-syslog ] || set -- "$@" "$argument"; done
exec $program "$@"' sh {program} "$@"
"""


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def fields_of(datagram):
    """The fields of a datagram in the journal's native protocol."""
    fields = {}
    while datagram:
        name, end, rest = datagram.partition(b"\n")
        if b"=" in name:
            name, _, value = name.partition(b"=")
        else:
            size, = struct.unpack("<Q", rest[:8])
            value, end, rest = rest[8:8 + size], rest[8 + size:9 + size], rest[9 + size:]
        assert end == b"\n", datagram
        fields[name.decode()] = value.decode()
        datagram = rest
    return fields


class Files(SystemTest):
    def content(self, path, count):
        wait_until(lambda: os.path.exists(path) and len(lines_of(path)) >= count, f"{count} lines in {path}")
        return lines_of(path)

    @breakwater_only
    def test_a_file_has_the_lines_of_1_7_3(self):
        told = []
        for binary in (DNSDIST, BINARY):
            path = os.path.join(temp_folder(), "log")
            front = Proxy(f'addAction(AllRule(), LogAction("{path}", false, false, false))\n'
                          "addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))\n", binary=binary)
            self.addCleanup(front.kill)
            front.start()
            for name, qtype in (("a.example", "A"), ("b\\.c.Example", "TXT"), (".", "NS"), ("x.example", "TYPE65000")):
                ask(name, qtype, port=front.port, id=4711)
            # 1.7.3 has the octets of the ID in the order of the machine.
            told.append([re.sub(r"127\.0\.0\.1:\d+|id (4711|26386)$", "...", line) for line in self.content(path, 4)])
        self.assertEqual(told[0], told[1])

    @breakwater_only
    def test_files_that_are_moved_away_are_made_anew_and_no_line_is_lost(self):
        folder = temp_folder()
        queries, answers = os.path.join(folder, "queries"), os.path.join(folder, "answers")
        front = self.proxy(CONSOLE + f'addAction(AllRule(), LogAction("{queries}", false))\n'
                           f'addSelfAnsweredResponseAction(AllRule(), LogResponseAction("{answers}"))\n' + REST)
        for turn in range(4):
            for number in range(50):
                ask(f"q{turn}-{number}.example", port=front.port)
                if number == 25:
                    for path in (queries, answers):
                        os.rename(path, f"{path}.{turn}")
                    if turn % 2:
                        front.signal(signal.SIGHUP)
                    else:
                        self.assertEqual(front.console("getRule(0):getAction():reload()"), "")
                        self.assertEqual(front.console("getSelfAnsweredResponseRule(0):getAction():reload()"), "")
                    wait_until(lambda: os.path.exists(queries) and os.path.exists(answers), "the new files")
        self.stop_cleanly(front)
        for path in (queries, answers):
            lines = [line for part in (*(f"{path}.{turn}" for turn in range(4)), path) for line in lines_of(part)]
            names = [re.search(r"for (q[0-9-]+)\.example\.", line).group(1) for line in lines]
            self.assertEqual(names, [f"q{turn}-{number}" for turn in range(4) for number in range(50)])

    @breakwater_only
    def test_a_full_disk_is_counted_and_queries_go_on(self):
        front = self.proxy(CONSOLE + 'addAction(AllRule(), LogAction("/dev/full", false, true, false))\n' + REST)
        for _ in range(20):
            self.assertEqual(addresses(ask("a.example", port=front.port)), ["192.0.2.1"])
        wait_until(lambda: front.stat("log-file-errors") > 0, "errors that are counted")
        self.assertIn("No space left on device", front.log())
        self.stop_cleanly(front)

    @breakwater_only
    def test_a_pipe_that_nobody_reads_holds_up_neither_sighup_nor_the_end(self):
        path = os.path.join(temp_folder(), "pipe")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        front = self.proxy(CONSOLE + f'addAction(AllRule(), LogAction("{path}", false, true, false))\n' + REST)
        long = ".".join(["x" * 60] * 3)
        for number in range(400):  # 64 KiB fill it
            ask(f"q{number}.{long}.example", port=front.port)
        front.signal(signal.SIGHUP)
        self.assertEqual(front.console("getRule(0):getAction():reload()"), "")
        self.assertEqual(addresses(ask("a.example", port=front.port)), ["192.0.2.1"])
        wait_until(lambda: front.stat("log-file-errors") > 0, "lines that are lost")
        self.stop_cleanly(front)

    @breakwater_only
    def test_a_file_that_cannot_be_made_anew_stays_in_use(self):
        folder = os.path.join(temp_folder(), "logs")
        os.mkdir(folder)
        path = os.path.join(folder, "log")
        front = self.proxy(CONSOLE + f'addAction(AllRule(), LogAction("{path}", false, false, false))\n' + REST)
        os.rename(folder, folder + ".old")
        self.assertIn(f'cannot open the log file "{path}"', front.console("getRule(0):getAction():reload()"))
        ask("a.example", port=front.port)
        self.assertIn("a.example", self.content(folder + ".old/log", 1)[0])
        shutil.rmtree(folder + ".old")

    @breakwater_only
    def test_neither_a_check_nor_the_console_empties_the_file_of_a_running_server(self):
        path = os.path.join(temp_folder(), "log")
        front = self.proxy(CONSOLE + f'addAction(AllRule(), LogAction("{path}", false, false, false))\n' + REST)
        ask("a.example", port=front.port)
        self.content(path, 1)
        self.assertIn("OK", run(BINARY, "-C", front.config_path, "--check-config").stdout)
        front.console("showVersion()")
        self.assertEqual(len(lines_of(path)), 1)


@unittest.skipIf(os.geteuid() != 0, "mounts")
class Sockets(SystemTest):
    def setUp(self):
        super().setUp()
        self.sockets = temp_folder()
        self.addCleanup(run, "umount", "-q", self.sockets + "/dev")
        os.makedirs(self.sockets + "/journal")
        text = NAMESPACE.format(sockets=self.sockets, program=BINARY)
        self.program = write_file(self.sockets, "program", text)
        os.chmod(self.program, 0o755)

    def listen(self, name):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(self.sockets, name))
        listener.settimeout(10)
        return listener

    def front(self, config, *arguments):
        proxy = Proxy(CONSOLE + config + REST, binary=self.program, arguments=arguments)
        self.addCleanup(proxy.kill)
        proxy.start()
        proxy.binary = BINARY
        return proxy

    def await_line(self, listener, text):
        while True:
            datagram = listener.recv(65535)
            if text.encode() in datagram:
                return datagram

    @breakwater_only
    def test_syslog_gets_the_lines_of_log_actions_with_priority_and_facility(self):
        listener = self.listen("log")
        front = self.front('setStructuredLogging(false)\nsetSyslogFacility("local3")\n'
                           'addAction(AllRule(), LogAction("", false, true, false, false))\n')
        ask("www.example", port=front.port, id=77)
        datagram = self.await_line(listener, "www.example").decode()
        self.assertRegex(datagram, rf"^<{19 * 8 + 6}>.*Packet from 127\.0\.0\.1:\d+ for www\.example\. A with id 77\n?$")

    @breakwater_only
    def test_syslog_gets_the_process_id_and_the_facility_of_daemons_unless_told(self):
        listener = self.listen("log")
        self.front("setStructuredLogging(false)\n")
        datagram = self.await_line(listener, "Listening on").decode()
        self.assertRegex(datagram, rf"^<{3 * 8 + 6}>[^<]* \w+\[\d+\]: Listening on ")

    @breakwater_only
    def test_the_journal_gets_fields_from_file_and_command_line(self):
        log_action = 'addAction(AllRule(), LogAction("", false, true, false, false))\n'
        listener = self.listen("journal/socket")
        for config, arguments in (('setStructuredLogging(true, {backend="systemd-journal"})\n', ()),
                                  ("", ("--structured-logging-backend", "systemd-journal"))):
            front = self.front(config + log_action, *arguments)
            ask("www.example", port=front.port, id=77)
            fields = fields_of(self.await_line(listener, "www.example"))
            self.assertEqual(sorted(fields), ["LEVEL", "MESSAGE", "PRIORITY", "SUBSYSTEM", "TIMESTAMP"])
            self.assertRegex(fields["MESSAGE"], r"^Packet from 127\.0\.0\.1:\d+ for www\.example\. A with id 77$")
            self.assertEqual((fields["PRIORITY"], fields["SUBSYSTEM"], fields["LEVEL"]), ("6", "rules", "0"))
            self.assertRegex(fields["TIMESTAMP"], r"^\d+\.\d{3}$")
            front.console('errlog("two\\nPRIORITY=0\\nlines")')
            fields = fields_of(self.await_line(listener, "two"))
            self.assertEqual((fields["MESSAGE"], fields["PRIORITY"]), ("two\nPRIORITY=0\nlines", "3"))
            self.assertNotIn("www.example", front.log())
            front.kill()

    @breakwater_only
    def test_a_journal_that_reads_nothing_or_is_gone_costs_lines_and_no_query(self):
        listener = self.listen("journal/socket")
        front = self.front('setStructuredLogging(true, {backend="systemd-journal"})\n')
        front.console('for i = 1, 5000 do infolog("line " .. i) end')
        self.assertEqual(addresses(ask("a.example", port=front.port, timeout_s=1)), ["192.0.2.1"])
        wait_until(lambda: front.stat("log-lines-lost") > 0, "lines that are lost")
        listener.close()
        os.unlink(self.sockets + "/journal/socket")
        front.console('infolog("nobody hears this")')
        self.assertEqual(addresses(ask("a.example", port=front.port, timeout_s=1)), ["192.0.2.1"])
        again = self.listen("journal/socket")
        front.console('infolog("once more")')
        self.assertEqual(fields_of(self.await_line(again, "once more"))["PRIORITY"], "6")
        self.stop_cleanly(front)

    @breakwater_only
    def test_without_a_journal_lines_go_to_the_standard_output_and_a_message_says_so(self):
        front = self.front('setStructuredLogging(true, {backend="systemd-journal"})\n')
        self.assertIn("no journal at /run/systemd/journal/socket: No such file or directory", front.log())
        wait_until(lambda: 'msg="Listening on' in front.log(), "the lines")


if __name__ == "__main__":
    unittest.main()
