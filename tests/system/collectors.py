"""Collectors of protobuf and dnstap for tests, and readers of what they got, made by protoc from proto/*.proto."""

import importlib
import os
import select
import socket
import struct
import subprocess
import sys
import threading

from client import read_exactly
from harness import Process, free_port, temp_folder, wait_until

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proto")
_folder = None


def decoders(name):
    """The Python module that protoc makes of proto/NAME.proto."""
    global _folder
    if _folder is None:
        _folder = temp_folder()
        subprocess.run(["protoc", f"--proto_path={PROTO}", f"--python_out={_folder}", "remote_log.proto", "tap.proto"],
                       check=True)
        sys.path.append(_folder)
    return importlib.import_module(name + "_pb2")


def told(frame):
    message = decoders("remote_log").Told()
    message.ParseFromString(frame)
    return message


class RemoteLog:
    """A collector of protobuf; with reads=False it accepts and never reads."""

    def __init__(self, port=None, reads=True):
        self.port, self.frames, self.reads, self.held = port or free_port(), [], reads, []
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen()
        self.stop, self.stopped = socket.socketpair()
        self.threads = [threading.Thread(target=self.run)]
        self.threads[0].start()

    def run(self):
        while self.stopped not in select.select([self.socket, self.stopped], [], [])[0]:
            connection = self.socket.accept()[0]
            self.held.append(connection)
            if self.reads:
                self.threads.append(threading.Thread(target=self.read, args=(connection,)))
                self.threads[-1].start()

    def read(self, connection):
        while self.stopped not in select.select([connection, self.stopped], [], [])[0]:
            prefix = connection.recv(2, socket.MSG_WAITALL)
            if len(prefix) < 2:
                return
            self.frames.append(read_exactly(connection, struct.unpack("!H", prefix)[0]))

    def messages(self, count):
        wait_until(lambda: len(self.frames) >= count, f"{count} messages")
        return [told(frame) for frame in self.frames]

    def close(self):
        self.stop.close()
        for thread in self.threads:
            thread.join()
        for each in (self.socket, self.stopped, *self.held):
            each.close()


class FstrmCapture(Process):
    """Debian's fstrm_capture, listening on a socket of the file system or on TCP."""

    def __init__(self, folder, port=None):
        self.path = os.path.join(folder, "tap.sock")
        self.file = os.path.join(folder, "tap.fstrm")
        where = ["-u", self.path] if port is None else ["-a", "127.0.0.1", "-p", str(port)]
        super().__init__(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-w", self.file, *where, "-d", "-d"],
                         os.path.join(folder, "capture.log"))

    def messages(self):
        """What it has written; call it once it has stopped."""
        with open(self.file, "rb") as file:
            data = file.read()
        taps, at = [], 0
        while at + 4 <= len(data):
            (length,) = struct.unpack_from("!I", data, at)
            at += 4
            if length == 0:  # a control frame
                at += 4 + struct.unpack_from("!I", data, at)[0]
                continue
            tap = decoders("tap").Tap()
            tap.ParseFromString(data[at:at + length])
            taps.append(tap)
            at += length
        return taps
