"""What stands in front of the nameservers: nothing, dnsdist, Breakwater in its place, Breakwater made for it.

Each has `ports` that clients ask, flush(zone), flush_all(), and stop(). Configurations are files that
name documentation addresses; a copy with the addresses and paths of this run is what is started.
"""

import json
import os
import re
import socket
import subprocess

from harness import BINARY, DNSDIST, ROOT, Process, accepts_tcp, child_environment, free_port, temp_folder, write_file

HERE = os.path.dirname(os.path.abspath(__file__))


class NoProxy:
    title = "no proxy"

    def __init__(self, hoster):
        self.ports = hoster.ports

    def flush(self, zone):
        """Nothing is kept; the servers' own caches are purged in any case."""

    def flush_all(self):
        pass

    def stop(self):
        pass


class Proxy(Process):
    """A proxy with one of our configuration files; `places`: what to put in place of what it names."""

    def __init__(self, binary, path, places):
        self.folder = temp_folder()
        self.ports = [free_port()]
        with open(path, encoding="utf-8") as file:
            text = localised(file.read(), {"192.0.2.53:53": f"127.0.0.1:{self.ports[0]}", **places})
        self.config = write_file(self.folder, "proxy.conf", text)
        super().__init__([binary, "-C", self.config, "--supervised", "--disable-syslog"],
                         os.path.join(self.folder, "proxy.log"), env=child_environment())
        self.await_ready(lambda: accepts_tcp(self.ports[0]), f"{binary} to listen")


def localised(text, places):
    for known, local in places.items():
        if known not in text:
            raise ValueError(f"the configuration does not name {known}")
        text = text.replace(known, local)
    foreign = re.search(r'^[^-\n]*"(192\.0\.2\.[^"]*|/run/[^"]*|/var/[^"]*)"', text, re.M)
    if foreign:
        raise ValueError(f"the configuration names {foreign.group(1)}, which is not of this machine")
    return text


def nameservers(hoster):
    return {"192.0.2.10:53": f"127.0.0.1:{hoster.ports[0]}", "192.0.2.11:53": f"127.0.0.1:{hoster.ports[1]}"}


class DnsdistConf(Proxy):
    """dnsdist.conf, run by dnsdist or by Breakwater; flushes go through the console."""

    binary = None

    def __init__(self, hoster):
        self.standby = hoster.file_server(hoster.files, [free_port()])
        places = {**nameservers(hoster), "192.0.2.12:53": f"127.0.0.1:{self.standby.port}",
                  "127.0.0.1:5199": f"127.0.0.1:{free_port()}"}
        super().__init__(self.binary, os.path.join(HERE, "dnsdist.conf"), places)

    def console(self, command):
        subprocess.run([self.binary, "-C", self.config, "-e", command], check=True, capture_output=True, timeout=30,
                       env=child_environment())

    def flush(self, zone):
        self.standby.reload()
        self.console(f'cache:expungeByName(newDNSName("{zone}."), DNSQType.ANY, true)')

    def flush_all(self):
        self.console("cache:expunge(0)")

    def stop(self, timeout_s=20):
        self.kill()
        self.standby.kill()


class Dnsdist(DnsdistConf):
    title, binary = "dnsdist 1.7.3", DNSDIST


class DropIn(DnsdistConf):
    title, binary = "Breakwater, the same dnsdist.conf", BINARY


# As the nameservers' own times: what may take a secondary five minutes is five seconds.
SCALED = {"lag=300": "lag=5", "acceptOlderAfter=3600": "acceptOlderAfter=60"}


class OutageProof(Proxy):
    """examples/outage-proof.lua; flushes go through the control socket."""

    title = "Breakwater, outage-proof.lua"

    def __init__(self, hoster):
        self.socket_path = os.path.join(temp_folder(), "control.sock")
        places = {**nameservers(hoster), "/var/lib/breakwater/zones": hoster.files,
                  "/run/breakwater/control.sock": self.socket_path, **SCALED}
        super().__init__(BINARY, os.path.join(ROOT, "examples/outage-proof.lua"), places)
        self.control = ControlSocket(self.socket_path)
        self.watching = ControlSocket(self.socket_path)  # of another thread
        self.log_file = open(self.log_path, encoding="utf-8", errors="replace")  # pylint: disable=consider-using-with

    def flush(self, zone):
        self.control.request({"command": "flush", "name": zone, "suffix": True})

    def flush_all(self):
        self.control.request({"command": "flush", "name": ".", "suffix": True})

    def bad_zones(self):
        """Zones that a nameserver has given a bad answer for since the start; silence is of servers, not of zones."""
        rows = self.watching.request({"command": "zones"})["zones"]
        return {row["zone"].rstrip(".") for row in rows if set(row.get("bad", ())) - {"timeout"}}

    def alerts(self):
        """Zones that the alert has named since the last call."""
        text = self.log_file.read()
        return re.findall(r"ALERT zone (\S+)\. is bad", text)

    def stop(self, timeout_s=20):
        self.control.close()
        self.watching.close()
        self.log_file.close()
        status = super().stop(timeout_s)
        if status != 0:
            raise AssertionError(f"Breakwater ended with {status}:\n{self.log()[-3000:]}")


class ControlSocket:
    """The JSON protocol of the control socket: a line asked, a line answered."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.settimeout(10)
        self.connection.connect(path)
        self.lines = self.connection.makefile("r", encoding="utf-8")

    def request(self, request):
        self.connection.sendall((json.dumps(request) + "\n").encode())
        reply = json.loads(self.lines.readline())
        if not reply.get("ok"):
            raise AssertionError(f"{request} was refused: {reply}")
        return reply

    def close(self):
        self.lines.close()
        self.connection.close()


CONTENDERS = {"none": NoProxy, "dnsdist": Dnsdist, "drop-in": DropIn, "outage-proof": OutageProof}
