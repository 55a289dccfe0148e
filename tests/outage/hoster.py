"""The hosting company: zones in an SQLite database, two PowerDNS over it, flat files, provisioning.

Times are scaled, sixty to one: what takes PowerDNS five minutes by default is five seconds here.
"""

import os
import random
import signal
import subprocess
import time

from harness import Process, free_port, temp_folder, write_file
from nameservers import Database, Nsd, PowerDns, answers

from truth import Truth

CHECK_ZONE = "check.example"  # of the company's own; no customer's, so no batch touches it
SHORT_TTL, LONG_TTL = 5, 60   # five minutes, and an hour
ADDRESS = "192.0.2."
CACHE_S = 5


def zone_name(number):
    return f"zone{number}.example"


def full_name(name):
    number, label = name
    return f"{label}.{zone_name(number)}" if label else zone_name(number)


def ttl_of(number):
    return LONG_TTL if number % 2 else SHORT_TTL


class ScaledPowerDns(PowerDns):
    """Restarted by a supervisor, as systemd would, with a configuration that may be broken."""

    def __init__(self, database, port):
        self.folder = temp_folder()
        super().__init__(database, CHECK_ZONE, port)

    def start(self):
        self.launch(self.database.path)
        self.await_ready(lambda: answers(self.port, self.sample_zone), "PowerDNS to answer")
        return self

    def launch(self, database_path):
        config = "\n".join([
            "launch=gsqlite3", f"gsqlite3-database={database_path}", "gsqlite3-pragma-synchronous=0",
            "local-address=127.0.0.1", f"local-port={self.port}", f"socket-dir={self.folder}",
            "guardian=no", "daemon=no", "setuid=", "setgid=", "receiver-threads=1",
            "distributor-threads=2", "max-queue-length=20000", f"cache-ttl={CACHE_S}",
            f"query-cache-ttl={CACHE_S}", f"negquery-cache-ttl={CACHE_S}",
            f"zone-cache-refresh-interval={CACHE_S}", "security-poll-suffix=", "loglevel=3", ""])
        write_file(self.folder, "pdns.conf", config)
        Process.__init__(self, ["/usr/sbin/pdns_server", f"--config-dir={self.folder}"],
                         os.path.join(self.folder, "pdns.log"))

    def launch_broken(self):
        """Its database is not there: it ends at once, and the supervisor starts it again each second."""
        if not self.running():
            self.launch(os.path.join(self.folder, "moved-away.db"))

    def purge(self, zone):
        """What provisioning does after a change, lest the server's own caches hide it."""
        subprocess.run(["/usr/bin/pdns_control", f"--socket-dir={self.folder}", "--config-dir=" + self.folder,
                        "purge", zone + "$"], check=False, capture_output=True, timeout=10)


class Hoster:
    """Everything behind the proxy."""

    # `files_every`: zone files are written every so many seconds; 0: each when its zone changes.
    def __init__(self, zones, files_every=0, touched_share=0.8, seed=1):
        self.truth = Truth(zones)
        self.files_every, self.files_written, self.unwritten = files_every, time.monotonic(), set()
        self.random = random.Random(seed)
        self.touched = set(self.random.sample(range(zones), int(zones * touched_share)))
        self.serials = {}
        self.database = Database()
        self.fill()
        self.files = temp_folder()      # one for each zone, written when it changes
        self.old_files = temp_folder()  # all of them as they once were
        self.write_all_files()
        self.ports = [free_port(), free_port()]
        self.servers = [ScaledPowerDns(self.database, port) for port in self.ports]
        self.old_server = None

    @property
    def zones(self):
        return self.truth.zones

    # --- data ---

    def soa(self, number):
        zone = zone_name(number)
        return f"ns1.{zone} hostmaster.{zone} {self.serials.get(number, 1)} 7200 3600 1209600 {SHORT_TTL}"

    def fill(self):
        self.database.add_zones([CHECK_ZONE])
        connection = self.database.connect()
        first = 10
        connection.executemany("insert into domains(id, name, type) values (?, ?, 'NATIVE')",
                               ((first + n, zone_name(n)) for n in range(self.zones)))
        connection.executemany(
            "insert into records(domain_id, name, type, content, ttl, prio, disabled, auth)"
            " values (?, ?, ?, ?, ?, 0, 0, 1)",
            (row for n in range(self.zones) for row in self.rows(first + n, n)))
        connection.commit()
        connection.close()

    def rows(self, domain_id, number):
        zone, ttl = zone_name(number), ttl_of(number)
        yield domain_id, zone, "SOA", self.soa(number), ttl
        for server in ("ns1", "ns2"):
            yield domain_id, zone, "NS", f"{server}.{zone}", ttl
            yield domain_id, f"{server}.{zone}", "A", "198.51.100.53", ttl
        for label in ("", "www", "mail", "shop"):
            yield domain_id, full_name((number, label)), "A", ADDRESS + "1", ttl

    def zone_text(self, number):
        lines = [f"$TTL {ttl_of(number)}", f"@ IN SOA {self.soa(number).replace('.example', '.example.')}",
                 "@ IN NS ns1", "@ IN NS ns2", "ns1 IN A 198.51.100.53", "ns2 IN A 198.51.100.53"]
        for label in ("", "www", "mail", "shop"):
            value = self.truth.value((number, label))
            if value is not None:
                lines.append(f"{label or '@'} IN A {ADDRESS}{value}")
        return "\n".join(lines) + "\n"

    def write_zone_file(self, number):
        """Moved to its place whole, so that nobody reads half of it."""
        path = os.path.join(self.files, zone_name(number) + ".zone")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(self.zone_text(number))
        os.rename(path + ".new", path)

    def write_all_files(self):
        for number in range(self.zones):
            self.write_zone_file(number)
        write_file(self.files, CHECK_ZONE + ".zone",
                   "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 198.51.100.53\n")

    def keep_old_files(self):
        """The files of now; those that are written later take the place of others, and leave these."""
        for name in os.listdir(self.files):
            os.link(os.path.join(self.files, name), os.path.join(self.old_files, name))

    def write_changed_files(self):
        if time.monotonic() - self.files_written < self.files_every:
            return
        for number in self.unwritten:
            self.write_zone_file(number)
        self.unwritten.clear()
        self.files_written = time.monotonic()

    def file_server(self, folder, ports):
        """An NSD that serves the files of a folder."""
        return FileServer([CHECK_ZONE, *map(zone_name, range(self.zones))], folder, ports)

    # --- what a customer does ---

    def change(self, name, value, flush):
        """Records, file, the servers' own caches, the proxy's cache: (time of the change, end of its flush)."""
        number = name[0]
        began = time.monotonic()
        self.truth.change(name, value, began)
        self.serials[number] = self.serials.get(number, 1) + 1
        connection = self.database.connect()
        if value is None:
            connection.execute("delete from records where name = ? and type = 'A'", (full_name(name),))
        else:
            connection.execute("update records set content = ? where name = ? and type = 'A'",
                               (ADDRESS + str(value), full_name(name)))
        connection.execute("update records set content = ? where name = ? and type = 'SOA'",
                           (self.soa(number), zone_name(number)))
        connection.commit()
        connection.close()
        self.unwritten.add(number)
        self.write_changed_files()
        for server in self.servers:
            if server.running():
                server.purge(zone_name(number))
        flush(zone_name(number))
        ended = time.monotonic()
        self.truth.settle(name, ended)
        return began, ended

    # --- the outage ---

    def recreate_soas(self, numbers):
        """A part of the batch: new SOA records, disabled until the batch is over."""
        connection = self.database.connect()
        for number in numbers:
            zone = zone_name(number)
            connection.execute("delete from records where name = ? and type = 'SOA'", (zone,))
            connection.execute(
                "insert into records(domain_id, name, type, content, ttl, prio, disabled, auth)"
                " select id, name, 'SOA', ?, ?, 0, 1, 1 from domains where name = ?",
                (self.soa(number), ttl_of(number), zone))
        connection.commit()
        connection.close()

    def enable_soas(self):
        self.database.execute("update records set disabled = 0 where type = 'SOA' and disabled = 1")

    def stop_servers(self):
        for server in self.servers:
            server.kill()

    def serve_old_files(self):
        self.stop_servers()
        self.old_server = self.file_server(self.old_files, self.ports)

    def repair(self):
        if self.old_server:
            self.old_server.kill()
            self.old_server = None
        self.stop_servers()
        self.enable_soas()
        for server in self.servers:
            server.start()

    def stop(self):
        self.stop_servers()
        if self.old_server:
            self.old_server.kill()


class FileServer(Nsd):
    """NSD over a folder of NAME.zone files, on several ports."""

    def __init__(self, names, files, ports):
        self.files, self.ports = files, ports
        super().__init__(dict.fromkeys(names), port=ports[0])

    def _lines(self, key, more):
        folder = self.folder
        lines = ["server:", *(f"  ip-address: 127.0.0.1@{port}" for port in self.ports), '  username: ""',
                 f'  zonesdir: "{self.files}"', '  database: ""', f'  pidfile: "{folder}/nsd.pid"',
                 f'  xfrdfile: "{folder}/xfrd.state"', f'  zonelistfile: "{folder}/zone.list"',
                 f'  xfrdir: "{folder}"', "  server-count: 1", "  rrl-ratelimit: 0",
                 "remote-control:", "  control-enable: no"]
        for name in self.zones:
            lines += ["zone:", f'  name: "{name}"', f'  zonefile: "{name}.zone"']
        return lines

    def reload(self):
        self.signal(signal.SIGHUP)
