"""What is right at each moment: the hosting company's own mind, against which every answer is held.

A name is a (zone number, label). Its value is the version of its address, the last octet, or None
where there is no such name.
"""

import threading

LABELS = ("www", "", "mail", "shop", "nx")  # "" is the apex, "nx" never exists
FOREVER = float("inf")
CHANGE_MAY_TAKE = 0.1  # seconds from the end of a flush; a deletion takes none
RIGHT, OLD, OTHER = "right", "old data", "other"


class Version:
    """A value, from when on it is right, and until when it is tolerated."""

    def __init__(self, value, since, until=FOREVER):
        self.value, self.since, self.until = value, since, until


class Truth:
    """Written by the hoster's thread, read by the client's."""

    def __init__(self, zones):
        self._lock = threading.Lock()
        self._changed = {}  # only names that changed have a history
        self.zones = zones

    def first(self, name):
        return None if name[1] == "nx" else 1

    def value(self, name):
        with self._lock:
            history = self._changed.get(name)
            return history[-1].value if history else self.first(name)

    def change(self, name, value, now):
        """From now on both values are right, until settle() says that the old one is not."""
        with self._lock:
            history = self._changed.setdefault(name, [Version(self.first(name), 0)])
            history.append(Version(value, now))

    def settle(self, name, flushed):
        """The flush after the last change was over at `flushed`."""
        with self._lock:
            history = self._changed[name]
            history[-2].until = flushed + (0 if history[-1].value is None else CHANGE_MAY_TAKE)

    def judge(self, name, value, sent, received):
        """RIGHT, OLD, or OTHER, of an answer to a question sent and received then."""
        with self._lock:
            history = self._changed.get(name)
            if history is None:
                return RIGHT if value == self.first(name) else OTHER
            verdict = OTHER
            for version in history:
                if version.value != value:
                    continue
                if version.since <= received and sent <= version.until:
                    return RIGHT
                verdict = OLD
            return verdict
