"""The outage of 2024-08-12, sixty times as fast: what happens when, to one contender."""

import json
import random
import threading
import time

from hoster import Hoster, full_name, zone_name
from load import Load, Popularity, shown_after

PAUSE_S = 0.05


class Plan:
    """How long each phase takes, in seconds. An hour is `hour` seconds."""

    def __init__(self, zones, rate, quick=False, files_every=0):  # pylint: disable=too-many-arguments
        self.zones, self.rate, self.quick, self.files_every = zones, rate, quick, files_every
        self.hour = 60
        if quick:
            self.phases = [("before", 7), ("the batch", 3), ("refused", 16), ("silent", 5), ("old files", 4),
                           ("repaired", 9)]
            self.changes_each = 0.5
        else:
            self.phases = [("before", 50), ("the batch", 20), ("refused", 40), ("silent", 20), ("old files", 30),
                           ("repaired", 40)]
            self.changes_each = 1


class Change:
    """A change or a deletion that a customer made, and when it showed at the proxy."""

    def __init__(self, name, deleted, phase, touched):  # pylint: disable=too-many-arguments
        self.name, self.deleted, self.phase, self.touched = name, deleted, phase, touched
        self.shown, self.wrong = None, []  # seconds after its flush; what was answered until then


class Story:
    """Runs the plan against one contender; afterwards everything that was seen is here."""

    def __init__(self, plan, contender):
        self.plan = plan
        self.hoster = Hoster(plan.zones, plan.files_every)
        self.contender = contender(self.hoster)
        self.load = Load(self.hoster.truth, self.contender.ports, plan.rate, plan.hour)
        self.random = random.Random(3)
        self.marks = []           # (phase, when it began)
        self.touched_at = {}      # zone number -> when its SOA was recreated
        self.bad_until = None     # when both servers were right again
        self.changes = []
        self.alerts = AlertWatch(self.contender)
        self.popularity = Popularity(plan.zones, seed=4)
        self.popularity.order = self.load.popularity.order
        self.began = self.ended = 0

    def run(self):
        try:
            self.began = time.monotonic()
            self.load.start()
            self.alerts.start()
            end = self.began
            for phase, seconds in self.plan.phases:
                self.marks.append((phase, time.monotonic()))
                end += seconds  # what takes longer does not move the phases behind it
                PHASES[phase](self, end)
            self.ended = time.monotonic()
            self.load.stop()
            self.alerts.stop()
        finally:
            self.contender.stop()
            self.hoster.stop()
        return self

    # --- the phases ---

    def before(self, end):
        self.with_changes(end - 3)
        # What "thirty minutes before" wrote; the changes of the outage are not in it.
        self.hoster.keep_old_files()
        self.with_changes(end)

    def batch(self, end):
        numbers = sorted(self.hoster.touched)
        began = time.monotonic()
        done = 0

        def more(share):
            nonlocal done
            part = numbers[done:int(share * len(numbers))]
            if part:
                self.touched_at.update(dict.fromkeys(part, time.monotonic()))
                self.hoster.recreate_soas(part)
                done += len(part)
        self.with_changes(end, lambda: more(min(1, (time.monotonic() - began) / (end - began))))
        more(1)

    def refused(self, end):
        self.with_changes(end)

    def silent(self, end):
        self.hoster.stop_servers()

        def restart():
            for server in self.hoster.servers:
                server.launch_broken()
        self.with_changes(end, restart, each=1)

    def old_files(self, end):
        # Customers are told to wait: what these servers say has no changes in it.
        self.hoster.serve_old_files()
        self.wait(end)

    def repaired(self, end):
        self.hoster.repair()
        self.contender.flush_all()
        self.bad_until = time.monotonic()
        self.with_changes(end)

    # --- time ---

    def wait(self, end):
        while time.monotonic() < end:
            self.pause()

    def pause(self):
        """A moment; at once an error where nobody asks any more."""
        if self.load.ended.wait(PAUSE_S):
            self.load.stop()
            raise RuntimeError("the load ended before the story")

    def with_changes(self, end, also=None, each=0):
        """Customers change and delete records; also() is called about every `each` seconds."""
        next_change = time.monotonic() + self.plan.changes_each
        next_also = time.monotonic()
        while time.monotonic() < end:
            if also and time.monotonic() >= next_also:
                also()
                next_also = time.monotonic() + each
            self.hoster.write_changed_files()
            if time.monotonic() >= next_change and end - time.monotonic() > 1:
                self.make_change()
                next_change += self.plan.changes_each
            self.pause()

    def make_change(self):
        phase = self.marks[-1][0]
        if self.plan.files_every and phase == "silent":
            return  # nobody could know of it
        deleted = len(self.changes) % 3 == 2
        name = self.name_to_change(deleted)
        change = Change(name, deleted, phase, name[0] in self.touched_at)
        value = None if deleted else self.hoster.truth.value(name) + 1
        _, flushed = self.hoster.change(name, value, self.contender.flush)
        change.shown, change.wrong = shown_after(self.hoster.truth, name, self.contender.ports[0], flushed)
        self.changes.append(change)

    def name_to_change(self, deleted):
        """A popular one, so that clients ask for it, in a touched and an untouched zone in turn."""
        # Where files come late, nobody could know of a change in a zone that is refused.
        want_touched = len(self.changes) % 2 == 0 and not (self.plan.files_every and self.touched_at and not self.bad_until)
        while True:
            number = self.popularity.draw()[0]
            name = (number, self.random.choice(("mail", "shop") if deleted else ("www", "")))
            known = name in self.load.last_right
            if (number in self.hoster.touched) == want_touched and self.hoster.truth.value(name) and known:
                return name


PHASES = {"before": Story.before, "the batch": Story.batch, "refused": Story.refused, "silent": Story.silent,
          "old files": Story.old_files, "repaired": Story.repaired}


class AlertWatch(threading.Thread):
    """When each zone had its first bad answer, and when the alert named it; only where there are alerts."""

    def __init__(self, contender):
        super().__init__(daemon=True)
        self.contender = contender
        self.first_bad, self.named = {}, {}  # zone -> time
        self.ended = threading.Event()
        self.read = 0

    def start(self):
        if hasattr(self.contender, "bad_zones"):
            super().start()

    def stop(self):
        self.ended.set()
        if self.is_alive():
            self.join()

    def run(self):
        while not self.ended.wait(0.5):
            now = time.monotonic()
            for zone in self.contender.bad_zones():
                self.first_bad.setdefault(zone, now)
            for zone in self.contender.alerts():
                self.named.setdefault(zone, now)
