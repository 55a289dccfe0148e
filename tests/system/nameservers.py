"""Real nameservers as backends: NSD with zone files, PowerDNS with an SQLite database."""

import os
import signal
import sqlite3

from client import ask
from harness import Process, accepts_tcp, free_port, temp_folder, wait_until, write_file

SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


def answers(port, name, host="127.0.0.1"):
    try:
        return ask(name, "SOA", port=port, host=host, timeout_s=0.5).rcode() == 0
    except Exception:  # pylint: disable=broad-except  # not yet, whatever the reason
        return False


class Nsd(Process):
    """NSD serving {name: zone text} on 127.0.0.1 and ::1; ready when it is constructed."""

    # `key`: the base64 secret of the TSIG key "k." (hmac-sha256), without which no zone is given away.
    # `more`: further lines for the section "server", for each "zone", and "other" sections.
    def __init__(self, zones, port=None, key=None, more=None):
        self.folder = temp_folder()
        self.port = port or free_port()
        self.zones = zones
        config = write_file(self.folder, "nsd.conf", "\n".join(self._lines(key, more or {})) + "\n")
        super().__init__(["/usr/sbin/nsd", "-d", "-c", config], os.path.join(self.folder, "nsd.log"))
        self.await_ready(self.ready, "NSD to answer")

    def _lines(self, key, more):
        folder, who = self.folder, "k." if key else "NOKEY"
        lines = ["server:", f"  ip-address: 127.0.0.1@{self.port}", f"  ip-address: ::1@{self.port}",
                 '  username: ""', f'  zonesdir: "{folder}"', '  database: ""',
                 f'  pidfile: "{folder}/nsd.pid"', f'  xfrdfile: "{folder}/xfrd.state"',
                 f'  zonelistfile: "{folder}/zone.list"', f'  xfrdir: "{folder}"',
                 "  server-count: 1", "  rrl-ratelimit: 0", "  tcp-count: 400", *more.get("server", ()),
                 "remote-control:", "  control-enable: no"]
        for number, (name, text) in enumerate(self.zones.items()):
            if text is not None:
                write_file(folder, f"{number}.zone", text)
            lines += ["zone:", f'  name: "{name}"', f'  zonefile: "{number}.zone"',
                      f"  provide-xfr: 0.0.0.0/0 {who}", f"  provide-xfr: ::0/0 {who}", *more.get("zone", ())]
        if key:
            lines += ["key:", '  name: "k."', "  algorithm: hmac-sha256", f'  secret: "{key}"']
        return lines + list(more.get("other", ()))

    def ready(self):
        return answers(self.port, next(iter(self.zones)))

    def change(self, zones):
        """Serves other texts from now on; tells its secondaries."""
        self.zones = zones
        for number, text in enumerate(zones.values()):
            write_file(self.folder, f"{number}.zone", text)
        self.signal(signal.SIGHUP)

    def kill(self):
        # NSD forks; SIGTERM to the first process takes the others along, SIGKILL would not.
        if self.running():
            self.signal(signal.SIGTERM)
            self.child.wait()


class SecondaryNsd(Nsd):
    """NSD that gets its zones (names alone count) from the primary at "ADDRESS@PORT", signed with `key`.

    With `tls`, a pair of CA file and name, it asks over TLS and checks the certificate.
    """

    def __init__(self, names, primary, key, tls=None):
        zone = [f"  request-xfr: {primary} k.{' behind' if tls else ''}", "  allow-notify: 127.0.0.1 k."]
        more = {"server": ["  verbosity: 2"], "zone": zone}
        if tls:
            more["server"].append(f'  tls-cert-bundle: "{tls[0]}"')
            more["other"] = ["tls-auth:", '  name: "behind"', f'  auth-domain-name: "{tls[1]}"']
        super().__init__(dict.fromkeys(names), key=key, more=more)

    def ready(self):
        return accepts_tcp(self.port)

    def serial(self):
        """Of the first zone; None as long as it has none."""
        answer = ask(next(iter(self.zones)), "SOA", port=self.port)
        return answer.answer[0][0].serial if answer.answer else None


class Database:
    """An SQLite database for PowerDNS; zones are made by SQL, thousands a second."""

    def __init__(self):
        self.folder = temp_folder()
        self.path = os.path.join(self.folder, "pdns.db")
        with open(SCHEMA, encoding="utf-8") as schema, self.connect() as connection:
            connection.executescript(schema.read())

    def connect(self):
        return sqlite3.connect(self.path, timeout=30)

    def add_zones(self, names, address="192.0.2.1"):
        """Each name becomes a zone with SOA, two NS, an A at the apex and one at www."""
        connection = self.connect()
        first = connection.execute("select coalesce(max(id), 0) + 1 from domains").fetchone()[0]
        zones = list(enumerate(names, first))
        connection.executemany("insert into domains(id, name, type) values (?, ?, 'NATIVE')", zones)
        records = []
        for number, name in zones:
            soa = f"ns1.{name} hostmaster.{name} 1 7200 3600 1209600 60"
            records += [(number, name, "SOA", soa, 3600), (number, name, "NS", f"ns1.{name}", 3600),
                        (number, name, "NS", f"ns2.{name}", 3600), (number, name, "A", address, 300),
                        (number, f"www.{name}", "A", address, 300)]
        connection.executemany("insert into records(domain_id, name, type, content, ttl, prio, disabled, auth)"
                               " values (?, ?, ?, ?, ?, 0, 0, 1)", records)
        connection.commit()
        connection.close()

    def execute(self, statement, values=()):
        with self.connect() as connection:
            connection.execute(statement, values)


class PowerDns(Process):
    """pdns_server over a Database (several may share one); start() may follow kill()."""

    # `cache_s`: for how long its own caches hide a change of the database.
    def __init__(self, database, sample_zone, port=None, cache_s=20):
        self.database, self.sample_zone, self.cache_s = database, sample_zone, cache_s
        self.port = port or free_port()
        self.start()

    def start(self):
        folder = temp_folder()
        config = "\n".join([
            "launch=gsqlite3", f"gsqlite3-database={self.database.path}", "gsqlite3-pragma-synchronous=0",
            "local-address=127.0.0.1", f"local-port={self.port}", f"socket-dir={folder}",
            "guardian=no", "daemon=no", "setuid=", "setgid=", "receiver-threads=1",
            "distributor-threads=2", "max-queue-length=20000", f"cache-ttl={self.cache_s}",
            f"query-cache-ttl={self.cache_s}", f"negquery-cache-ttl={self.cache_s}",
            "zone-cache-refresh-interval=0", "disable-axfr=no", "allow-axfr-ips=127.0.0.0/8",
            "dnsupdate=yes", "allow-dnsupdate-from=127.0.0.0/8", "security-poll-suffix=", "loglevel=3", ""])
        write_file(folder, "pdns.conf", config)
        super().__init__(["/usr/sbin/pdns_server", f"--config-dir={folder}"], os.path.join(folder, "pdns.log"))
        self.await_ready(lambda: answers(self.port, self.sample_zone), "PowerDNS to answer")
        return self


def wait_for_answer(port, name, host="127.0.0.1"):
    wait_until(lambda: answers(port, name, host), f"an answer for {name} on port {port}")
