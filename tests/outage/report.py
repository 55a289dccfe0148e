"""What a story comes to: shares by phase, what was wrong, how soon changes showed; and the table of it."""

import collections
import statistics

from truth import CHANGE_MAY_TAKE, OLD, OTHER, RIGHT

ALERT_S = 10
RECHECK_S = 5  # of examples/outage-proof.lua
WRONG = ("REFUSED", "SERVFAIL", "silence", OLD, OTHER)
NO_ANSWER = ("REFUSED", "SERVFAIL", "silence")
BIN_S = 1


def summary(story):
    """A dictionary for JSON; times are seconds since the beginning."""
    phases = phase_times(story)
    counts = {name: collections.Counter() for name, _, _ in phases}
    bins = collections.defaultdict(lambda: [0, 0])
    for seen in story.load.seen:
        at = seen.sent - story.began
        phase = next(name for name, first, _ in reversed(phases) if first <= at)
        counts[phase][seen.verdict if seen.verdict == RIGHT or seen.verdict in WRONG else OTHER] += 1
        counts[phase]["stale"] += seen.stale and backend_was_good(story, seen)
        entry = bins[int(at / BIN_S)]
        entry[0] += seen.verdict == RIGHT
        entry[1] += 1
    return {
        "title": story.contender.title, "zones": story.plan.zones, "rate": story.plan.rate,
        "phases": phases, "counts": {name: dict(count) for name, count in counts.items()},
        "curve": [[index * BIN_S, *bins[index]] for index in sorted(bins)],
        "promises": promises(story), "changes": changes(story), "alerts": alerts(story),
    }


def phase_times(story):
    starts = [(name, began - story.began) for name, began in story.marks]
    ends = [began for _, began in starts[1:]] + [story.ended - story.began]
    return [(name, 0 if index == 0 else began, end)
            for index, ((name, began), end) in enumerate(zip(starts, ends))]


def backend_was_good(story, seen):
    """Whether a nameserver could give the right answer all the while; late answers of the batch count as bad."""
    silent = next(began for name, began in story.marks if name == "silent")
    if story.bad_until and seen.sent > story.bad_until + RECHECK_S + 1:
        return True
    return seen.received < min(story.touched_at.get(seen.name[0], silent), silent)


def promises(story):
    """What must be empty with examples/outage-proof.lua; a few of each, with when."""
    def listed(wrong):
        found = [(round(s.sent - story.began, 2), list(s.name), s.verdict, round(s.received - s.sent, 3))
                 for s in story.load.seen if wrong(s)]
        return {"count": len(found), "first": found[:20]}

    def after_repair(seen):
        return story.bad_until is not None and seen.sent > story.bad_until + RECHECK_S + 1
    old_file_phase = dict((name, (began, end)) for name, began, end in phase_times(story))["old files"]

    def served_old(seen):
        began, end = (story.began + t for t in old_file_phase)
        return not began - 2 <= seen.sent < end + RECHECK_S + 3
    return {
        "no answer for a name asked in the hour before": listed(lambda s: s.known and s.verdict in NO_ANSWER),
        "old after the repair": listed(lambda s: after_repair(s) and (s.verdict == OLD or s.stale)),
        "stale where the nameserver was good": listed(lambda s: s.stale and backend_was_good(story, s)),
        "old although flushed": listed(lambda s: s.verdict == OLD and served_old(s)),
        "otherwise wrong": listed(lambda s: s.verdict not in (RIGHT, OLD, *NO_ANSWER)),
    }


def changes(story):
    """How soon changes showed after their flush, by what they were and whether their zone was touched."""
    groups = {}
    for change in story.changes:
        key = f"{'deleted' if change.deleted else 'changed'}, {'touched' if change.touched else 'untouched'} zone"
        groups.setdefault(key, []).append(change)
    return {key: describe(made) for key, made in sorted(groups.items())}


def describe(made):
    shown = [change.shown for change in made if change.shown is not None]
    late = [change for change in made if change.shown is None or was_late(change)]
    return {"made": len(made), "never shown": len(made) - len(shown),
            "median ms": round(statistics.median(shown) * 1000) if shown else None,
            "longest ms": round(max(shown) * 1000) if shown else None,
            "late": [[list(change.name), change.phase, change.shown, change.wrong[:10]] for change in late][:20],
            "late count": len(late)}


def was_late(change):
    """What was asked 100 ms after the flush, or at all after a deletion, was still answered as before."""
    return any(change.deleted or asked > CHANGE_MAY_TAKE for asked, _ in change.wrong)


def alerts(story):
    watch = story.alerts
    if not watch.first_bad:
        return None
    # Those that were bad for ten seconds: then all fall silent.
    silent = next(began for name, began in story.marks if name == "silent")
    bad = {zone: first for zone, first in watch.first_bad.items() if first < silent - ALERT_S}
    delays = {zone: watch.named[zone] - first for zone, first in bad.items() if zone in watch.named}
    first = min(watch.first_bad.values())
    unnamed = sorted(set(bad) - set(delays))
    return {"zones with a bad answer": len(bad), "named": len(delays),
            "named within 10 s": sum(delay <= ALERT_S for delay in delays.values()),
            "first alert after s": round(min(watch.named.values()) - first, 1) if watch.named else None,
            "longest s": round(max(delays.values()), 1) if delays else None, "unnamed": unnamed[:20]}


# --- tables ---

def percent(part, whole):
    """Never rounds what is not whole up to 100."""
    if whole == 0:
        return "-"
    share = 100 * part / whole
    return "100" if part == whole else f"{min(share, 99.99):.2f}"


def markdown(results):
    """Two tables: the share of right answers by phase, and what was wrong in all."""
    names = [name for name, _, _ in results[0]["phases"]]
    lines = ["Right answers, per cent:", "", "| | " + " | ".join(names) + " | in all |", "|---" * (len(names) + 2) + "|"]
    for result in results:
        counts = [result["counts"][name] for name in names]
        cells = [percent(count.get(RIGHT, 0), asked(count)) for count in counts]
        cells.append(percent(sum(count.get(RIGHT, 0) for count in counts), sum(map(asked, counts))))
        lines.append(f"| {result['title']} | " + " | ".join(cells) + " |")
    lines += ["", "Answers that were not right, of those asked, and right ones marked as stale where the nameserver was good:",
              "", "| | asked | " + " | ".join(WRONG) + " | stale |", "|---" * (len(WRONG) + 3) + "|"]
    for result in results:
        counts = [result["counts"][name] for name in names]
        cells = [str(sum(map(asked, counts)))]
        cells += [str(sum(count.get(kind, 0) for count in counts)) for kind in (*WRONG, "stale")]
        lines.append(f"| {result['title']} | " + " | ".join(cells) + " |")
    return "\n".join(lines + [""] + change_table(results) + alert_lines(results)) + "\n"


def alert_lines(results):
    lines = []
    for result in results:
        told = result["alerts"]
        if told:
            lines += ["", f"Alerts of {result['title']}: {told['zones with a bad answer']} zones gave a bad answer, "
                      f"{told['named within 10 s']} of them were named within ten seconds of the first."]
    return lines


def asked(count):
    return sum(number for kind, number in count.items() if kind != "stale")


def change_table(results):
    lines = ["Changes and deletions: how many; for how many what was asked 100 ms after the flush (after a deletion: at all) "
             "was still answered as before; median and longest ms from the flush to the right answer:", ""]
    keys = sorted({key for result in results for key in result["changes"]})
    lines += ["| | " + " | ".join(keys) + " |", "|---" * (len(keys) + 1) + "|"]
    for result in results:
        cells = []
        for key in keys:
            group = result["changes"].get(key)
            cells.append("-" if group is None else f"{group['made']}: {group['late count']} late, "
                         f"{shown(group['median ms'])}, {shown(group['longest ms'])}"
                         + (f", {group['never shown']} not within 3 s" if group["never shown"] else ""))
        lines.append(f"| {result['title']} | " + " | ".join(cells) + " |")
    return lines


def shown(milliseconds):
    return "-" if milliseconds is None else str(milliseconds)
