#!/usr/bin/python3
"""The outage of tests/outage in 45 seconds, with examples/outage-proof.lua in front: what it promises, one test each."""

import os
import sys
import unittest

from harness import IS_DNSDIST, ROOT, SystemTest, full_speed_only

sys.path.insert(0, os.path.join(ROOT, "tests/outage"))
from contenders import OutageProof  # noqa: E402
from report import asked, summary  # noqa: E402
from story import Plan, Story  # noqa: E402
from truth import RIGHT  # noqa: E402


@unittest.skipIf(IS_DNSDIST, "dnsdist has no such promises")
@full_speed_only
class Outage(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.result = summary(Story(Plan(zones=200, rate=200, quick=True), OutageProof).run())

    def assert_kept(self, promise):
        found = self.result["promises"][promise]
        self.assertEqual(found["count"], 0, found["first"])

    def test_the_outage_was_one(self):
        """Questions were asked in each phase, zones were refused, records changed; else the other tests mean nothing."""
        for phase, counts in self.result["counts"].items():
            self.assertGreater(asked(counts), 500, phase)
        self.assertGreater(self.result["alerts"]["zones with a bad answer"], 30)
        self.assertEqual(len(self.result["changes"]), 4, self.result["changes"])
        self.assertEqual(self.result["counts"]["refused"].get(RIGHT), asked(self.result["counts"]["refused"]))

    def test_whoever_asked_within_the_last_hour_never_gets_an_error_or_nothing(self):
        self.assert_kept("no answer for a name asked in the hour before")

    def test_nothing_is_stale_where_the_nameserver_has_a_good_answer(self):
        self.assert_kept("stale where the nameserver was good")

    def test_after_the_repair_nothing_is_old_for_longer_than_a_recheck_and_a_second(self):
        self.assert_kept("old after the repair")

    def test_clients_never_see_what_was_flushed(self):
        self.assert_kept("old although flushed")

    def test_no_answer_was_ever_wrong_in_another_way(self):
        self.assert_kept("otherwise wrong")

    def test_a_change_shows_within_a_tenth_of_a_second_and_a_deletion_at_once(self):
        # While both servers have just died and no check has found it yet, the standby is asked after both.
        late = [one for group in self.result["changes"].values() for one in group["late"]
                if one[1] != "silent" or one[2] is None or one[2] > 0.5]
        self.assertEqual(late, [])

    def test_the_alert_names_each_zone_within_ten_seconds_of_its_first_bad_answer(self):
        alerts = self.result["alerts"]
        self.assertLess(alerts["first alert after s"], 10)
        self.assertEqual(alerts["named within 10 s"], alerts["zones with a bad answer"], alerts)


if __name__ == "__main__":
    unittest.main()
