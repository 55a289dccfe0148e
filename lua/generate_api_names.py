#!/usr/bin/python3
"""Makes api_names.inc from the table of the interface: generate_api_names.py api.tsv > api_names.inc

A row of the table is area, kind, "name(parameters)", note. Names alone are kept: functions,
classes, and methods and attributes with their class.
"""

import re
import sys

# Methods that the table gives without their class.
BARE_METHODS = {"getHeader": "DNSQuestion", "setHeader": "DNSQuestion"}


def rows(path):
    for line in open(path, encoding="utf-8"):
        fields = line.rstrip("\n").split("\t")
        if line.startswith("#") or len(fields) < 3:
            continue
        kind, name = fields[1], fields[2]
        if kind == "classmethod":
            kind = "method"
        if kind == "function":
            yield "function", "", re.match(r"\w+", name).group(0)
        elif kind == "class":
            yield "class", "", name.strip()
        elif kind in ("method", "attribute"):
            match = re.match(r"(\w+)(?:::?|\.)(\w+)", name)
            if match:
                yield kind, match.group(1), match.group(2)
            else:
                bare = re.match(r"\w+", name).group(0)
                yield kind, BARE_METHODS[bare], bare


def main():
    print("// Made by generate_api_names.py from the table of the interface: kind, class, name.")
    line = ""
    for row in dict.fromkeys(rows(sys.argv[1])):
        item = 'BW_API(%s, "%s", "%s")' % row
        if line and len(line) + 1 + len(item) > 100:
            print(line)
            line = ""
        line = (line + " " + item).strip()
    print(line)


main()
