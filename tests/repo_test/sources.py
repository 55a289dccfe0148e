"""The files of the repository, read once, and small helpers over C++ text."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED_FOLDERS = {".git", "__pycache__", ".cache"}


def is_build_folder(name):
    return name == "build" or name.startswith("build-")


def all_files():
    """Relative paths of everything but build trees and git's own files."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        top = folder == ROOT
        folders[:] = sorted(
            f for f in folders if f not in SKIPPED_FOLDERS and not (top and is_build_folder(f))
        )
        names = sorted(f for f in files if f != ".git")
        found += [os.path.relpath(os.path.join(folder, f), ROOT) for f in names]
    return found


def read(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.read().decode("utf-8", "replace")


def with_suffix(*suffixes, under=""):
    return [p for p in all_files() if p.endswith(suffixes) and p.startswith(under)]


def without_comments(text):
    """C++ text with comments blanked and string contents emptied; line numbers stay."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        found = match.group(0)
        if found[0] == "/":
            return "\n" * found.count("\n")
        return found[0] * 2

    return re.sub(pattern, blank, text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
