#!/usr/bin/python3
"""Replays the outage that Breakwater was built from, against real nameservers; see README.md here.

  tests/outage/replay.py                        2,000 zones, four contenders, about four minutes each
  tests/outage/replay.py --zones 40000
  tests/outage/replay.py --quick --contender outage-proof
  tests/outage/replay.py --draw RESULT.json...  table and picture of runs before
Writes outage.md, outage.svg and one NAME.json for each contender into --out.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

from contenders import CONTENDERS  # noqa: E402
from picture import picture  # noqa: E402
from report import markdown, summary  # noqa: E402
from story import Plan, Story  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--zones", type=int, help="2000 unless --quick, which has 200")
    parser.add_argument("--rate", type=int, help="questions a second; 400 unless --quick, which has 200")
    parser.add_argument("--files-every", type=int, default=0, metavar="SECONDS",
                        help="the standby's zone files are written so often; by default each when its zone changes")
    parser.add_argument("--quick", action="store_true", help="some 40 seconds instead of 200")
    parser.add_argument("--contender", choices=list(CONTENDERS), action="append", help="may be repeated; all by default")
    parser.add_argument("--out", default="build/outage", help="folder for what is written (build/outage)")
    parser.add_argument("--draw", nargs="+", metavar="JSON", help="run nothing; table and picture of these results")
    return parser.parse_args()


def replayed(options, name):
    zones = options.zones or (200 if options.quick else 2000)
    rate = options.rate or (200 if options.quick else 400)
    result = summary(Story(Plan(zones, rate, options.quick, options.files_every), CONTENDERS[name]).run())
    with open(os.path.join(options.out, name + ".json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    return result


def saved(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    options = arguments()
    os.makedirs(options.out, exist_ok=True)
    if options.draw:
        results = [saved(path) for path in options.draw]
    else:
        results = []
        for name in options.contender or CONTENDERS:
            print(f"{CONTENDERS[name].title} ...", flush=True)
            results.append(replayed(options, name))
    table = markdown(results)
    print(table)
    for name, text in (("outage.md", table), ("outage.svg", picture(results))):
        with open(os.path.join(options.out, name), "w", encoding="utf-8") as file:
            file.write(text)
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
