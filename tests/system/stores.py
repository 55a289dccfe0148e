"""Files of key-value stores, made by the tools that operators use, each put in place by a rename."""

import json
import os
import subprocess
import sys

from harness import ROOT


def make_cdb(path, entries):
    """entries: bytes by bytes."""
    text = b"".join(b"+%d,%d:%s->%s\n" % (len(k), len(v), k, v) for k, v in entries.items()) + b"\n"
    subprocess.run(["cdb", "-c", "-t", path + ".new", path + ".tmp"], input=text, check=True)
    os.rename(path + ".tmp", path)


def make_lmdb(path, database, entries, size=1 << 20):
    """Adds to the file where there is one."""
    lines = ["VERSION=3", "format=bytevalue", "type=btree", f"mapsize={size}", "HEADER=END"]
    for key, value in entries.items():
        lines += [" " + key.hex(), " " + value.hex()]
    text = "\n".join([*lines, "DATA=END", ""])
    subprocess.run(["mdb_load", "-n", "-s", database, path], input=text, text=True, check=True)


def make_mmdb(path, records):
    """records: by network; see tests/support/mmdb_writer.py."""
    writer = os.path.join(ROOT, "tests/support/mmdb_writer.py")
    subprocess.run([sys.executable, writer, path + ".tmp"], input=json.dumps(records), text=True, check=True)
    os.rename(path + ".tmp", path)


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
