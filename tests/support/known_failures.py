"""Tests that are known to fail, each with what is missing: known_failures.txt beside this file.

Such a test still runs, and is an error when it passes: the line must go with the defect.
"""

import os
import unittest

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known_failures.txt")


def _read():
    known = {}
    with open(PATH, encoding="utf-8") as lines:
        for line in lines:
            name, _, reason = line.strip().partition(": ")
            if name and not name.startswith("#"):
                known[name] = reason
    return known


KNOWN = _read()


def mark(test_class):
    """Expects the failure of each method of the class that the list names as CLASS.METHOD."""
    for name in dir(test_class):
        if f"{test_class.__name__}.{name}" in KNOWN:
            setattr(test_class, name, unittest.expectedFailure(getattr(test_class, name)))
