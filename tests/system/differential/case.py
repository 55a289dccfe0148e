"""A case of the differential tests."""

from dataclasses import dataclass, field


@dataclass
class Case:
    """A configuration that runs through dnsdist 1.7.3 and Breakwater, and what to ask both.

    In the configuration {nsd} is NSD's port and {one}, {two}, {three} those of three probes (probe.py);
    BACKEND and PROBE are usual first lines. newer replaces the configuration for Breakwater where the
    interface changed. Where 2.1 behaves otherwise than 1.7, differs names the question by its index and
    says why and what lines the answer must (and with a leading "-": must not) have.
    """
    name: str
    config: str
    questions: list = field(default_factory=list)
    console: list = field(default_factory=list)
    newer: str = ""
    differs: dict = field(default_factory=dict)
    console_differs: dict = field(default_factory=dict)
    # Compare only how many answers of all the questions each probe gave: for chance and hashes.
    tally: bool = False
    # Answers come from SpoofRaw, which since 1.9.7 adds an OPT where the query had one.
    raw_answers: bool = False


BACKEND = 'newServer{address="127.0.0.1:{nsd}", name="nsd"}\n'
PROBE = 'newServer{address="127.0.0.1:{one}", name="one"}\n'
CACHE = 'pc = newPacketCache(1000)\ngetPool(""):setCache(pc)\n'
THREE = ('newServer{address="127.0.0.1:{one}", name="one", order=1, weight=1}\n'
         'newServer{address="127.0.0.1:{two}", name="two", order=2, weight=2}\n'
         'newServer{address="127.0.0.1:{three}", name="three", order=3, weight=3}\n')
# A Lua action that answers a TXT question with the text of an expression over dq.
SAY = ('function say(text) text = string.sub(tostring(text), 1, 250) '
       'return DNSAction.SpoofRaw, string.char(#text)..text end\n')
