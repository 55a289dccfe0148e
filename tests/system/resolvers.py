"""Resolvers that answer over TLS, as backends: unbound and knot-resolver with names of their own."""

import os

from harness import Process, accepts_tcp, free_port, temp_folder, write_file

NAMES = ("example", "a.root-servers.net")  # the second is what health checks ask


class Unbound(Process):
    """unbound that gives `address` for every name under NAMES, over TLS alone."""

    def __init__(self, pair, address):
        folder = temp_folder()
        self.port = free_port()
        zones = "".join(f'  local-zone: "{name}." redirect\n  local-data: "{name}. A {address}"\n' for name in NAMES)
        config = write_file(folder, "unbound.conf", f"""
server:
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/pid"
  use-syslog: no
  do-udp: no
  interface: 127.0.0.1@{self.port}
  tls-port: {self.port}
  tls-service-key: "{pair[1]}"
  tls-service-pem: "{pair[0]}"
{zones}remote-control:
  control-enable: no
""")
        super().__init__(["/usr/sbin/unbound", "-d", "-c", config], os.path.join(folder, "log"))
        self.await_ready(lambda: accepts_tcp(self.port), "unbound to listen")


class KnotResolver(Process):
    """The same of knot-resolver's kresd, whose answers to padded queries are padded."""

    def __init__(self, pair, address):
        folder = temp_folder()
        self.port = free_port()
        names = ", ".join(f"todname('{name}.')" for name in NAMES)
        config = write_file(folder, "kresd.conf", f"""
cache.open(10 * MB, 'lmdb://{folder}/cache')
net.ipv6 = false
net.tls('{pair[0]}', '{pair[1]}')
net.listen('127.0.0.1', {self.port}, {{ kind = 'tls' }})
trust_anchors.remove('.')
policy.add(policy.suffix(policy.ANSWER({{ [kres.type.A] = {{ rdata = kres.str2ip('{address}'), ttl = 300 }} }}),
                         {{ {names} }}))
""")
        super().__init__(["/usr/sbin/kresd", "-n", "-q", "-c", config, folder], os.path.join(folder, "log"))
        self.await_ready(lambda: accepts_tcp(self.port), "knot-resolver to listen")
