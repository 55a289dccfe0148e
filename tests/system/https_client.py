"""curl as a client of DNS over HTTPS."""

import subprocess

import client
import dns.message


class Reply:
    """What curl got: status, headers by name in lower case, body, and the version of HTTP."""

    def __init__(self, output):
        head, _, self.body = output.partition(b"\r\n\r\n")
        while head.split(b" ", 2)[1] == b"100":
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.version, status = lines[0].split(" ")[:2]
        self.status = int(status)
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}

    def content(self):
        """The addresses of an answer; the text of anything else, but of errors, whose words are free."""
        if self.headers["content-type"] == "application/dns-message":
            return self.addresses()
        return self.body if self.status == 200 else None

    def addresses(self):
        return client.addresses(dns.message.from_wire(self.body))


def curl(*arguments, body=None):
    data = [] if body is None or "-T" in arguments else ["--data-binary", "@-"]
    run = subprocess.run(["curl", "-s", "-k", "-i", "--max-time", "10", *data, *arguments], input=body,
                         capture_output=True, check=False)
    if not run.stdout:
        raise AssertionError(f"curl: nothing came, exit status {run.returncode} {run.stderr!r}")
    return Reply(run.stdout)
