"""What becomes of a score over several nights: corrected, cancelled, withheld, re-routed; in balance."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from distribution.jobs import distribute_scores
from distribution.jobs.wiring import Line
from distribution.model import FeedKind
from tests.support.feeds import institution_row, order_row, result_row, school_row, transcript_row, write_feed

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
COLLEGES = [
    institution_row(),
    institution_row(code="4472", name="Second College"),
    institution_row(code="4473", name="College of the Portal", delivery_method="portal"),
    school_row(),
    school_row(code="310002", name="Other High School"),
]


class Nights:
    """Nights of one line: each takes the feeds given for it and must balance."""

    def __init__(self, line: Line):
        self.line = line

    def night(self, day: date, **feeds: list[Mapping[str, str]]) -> dict[str, Any]:
        for kind in FeedKind:
            if kind in feeds:
                write_feed(self.line.settings.inbox, kind, feeds[kind], day=day)
        document = distribute_scores.run_nightly(self.line, on=day)
        assert document["balanced"], document["faults"]
        return document

    def deliveries(self) -> list[tuple]:
        """(recipient, revision, action, state, state_reason) of every delivery, by id."""
        with self.line.connect() as conn:
            return conn.execute(
                "SELECT recipient, revision, action, state, state_reason"
                " FROM ledger.delivery ORDER BY delivery_id"
            ).fetchall()

    def seen_by(self, school: str) -> list[tuple]:
        """(revision, status, score) of what a school sees."""
        with self.line.connect() as conn:
            return conn.execute(
                "SELECT revision, shown_status, scaled_score FROM portal.score WHERE school_code = %s",
                [school],
            ).fetchall()


@pytest.fixture
def nights(line: Line) -> Nights:
    return Nights(line)


def test_a_correction_reaches_paper_and_school_and_replaces_what_the_school_sees(nights):
    first = result_row(attending_code="310001")
    nights.night(MONDAY, institutions=COLLEGES, results=[first])
    document = nights.night(TUESDAY, results=[first | {"revision": "2", "scaled_score": "61"}])
    assert document["received"]["corrected"] == 1
    assert nights.deliveries() == [
        ("310001", 1, "N", "delivered", None),
        ("4471", 1, "N", "claimed", None),
        ("310001", 2, "C", "delivered", None),
        ("4471", 2, "C", "claimed", None),
    ]
    assert nights.seen_by("310001") == [(2, "scored", 61)]


def test_a_cancellation_hides_the_former_score(nights):
    first = result_row(attending_code="310001", recipient_1="")
    nights.night(MONDAY, institutions=COLLEGES, results=[first])
    nights.night(TUESDAY, results=[first | {"revision": "2", "status": "cancelled", "scaled_score": ""}])
    assert nights.seen_by("310001") == [(2, "cancelled", None)]


def test_a_score_withheld_after_delivery_stays_as_a_row_without_score_until_it_is_settled(nights):
    first = result_row(attending_code="310001", recipient_1="")
    nights.night(MONDAY, institutions=COLLEGES, results=[first])
    nights.night(TUESDAY, results=[first | {"revision": "2", "status": "withheld", "scaled_score": ""}])
    assert nights.seen_by("310001") == [(1, "withheld", None)]
    nights.night(WEDNESDAY, results=[first | {"revision": "3", "scaled_score": "58"}])
    assert nights.seen_by("310001") == [(3, "scored", 58)]


def test_a_score_withheld_before_it_left_is_held_and_goes_when_it_is_settled(nights):
    first = result_row(recipient_1="9999")
    nights.night(MONDAY, institutions=COLLEGES, results=[first])
    nights.night(
        TUESDAY,
        results=[first | {"revision": "2", "status": "withheld", "scaled_score": "", "recipient_1": "4471"}],
    )
    assert nights.deliveries() == [
        ("9999", 1, "N", "withdrawn", "superseded"),
        ("4471", 2, "N", "held", "withheld"),
    ]
    nights.night(WEDNESDAY, results=[first | {"revision": "3", "recipient_1": "4471"}])
    assert nights.deliveries()[-2:] == [
        ("4471", 2, "N", "withdrawn", "superseded"),
        ("4471", 3, "N", "claimed", None),
    ]


def test_a_recipient_that_was_changed_is_told_and_the_new_one_gets_it(nights):
    first = result_row(recipient_1="4473")
    nights.night(MONDAY, institutions=COLLEGES, results=[first])
    nights.night(TUESDAY, results=[first | {"revision": "2", "recipient_1": "4472"}])
    assert nights.deliveries() == [
        ("4473", 1, "N", "delivered", None),
        ("4472", 2, "N", "claimed", None),
        ("4473", 2, "X", "delivered", None),
    ]
    assert nights.seen_by("4473") == []


def test_an_unknown_recipient_gets_it_once_it_is_on_file(nights):
    document = nights.night(MONDAY, institutions=COLLEGES, results=[result_row(recipient_1="4480")])
    assert document["deliveries"]["held"] == 1
    document = nights.night(TUESDAY, institutions=[institution_row(code="4480", name="New College")])
    assert nights.deliveries() == [("4480", 1, "N", "claimed", None)]
    assert document["carried"]["held"] == {
        "opening": 1,
        "added": 0,
        "released": 1,
        "rejected": 0,
        "closing": 0,
    }


def test_a_closed_recipient_waits_for_its_successor_and_keeps_its_delivery(nights):
    closed = institution_row(code="4475", name="Old College", status="closed")
    nights.night(MONDAY, institutions=[*COLLEGES, closed], results=[result_row(recipient_1="4475")])
    assert nights.deliveries() == [("4475", 1, "N", "held", "recipient-closed")]
    nights.night(TUESDAY, institutions=[closed | {"successor_code": "4471", "valid_from": "2026-11-24"}])
    assert nights.deliveries() == [("4471", 1, "N", "claimed", None)]
    with nights.line.connect() as conn:
        assert conn.execute("SELECT designated FROM ledger.delivery").fetchall() == [("4475",)]


def test_a_school_that_comes_on_file_later_sees_its_students_then(nights):
    document = nights.night(
        MONDAY, institutions=COLLEGES, results=[result_row(attending_code="310009", recipient_1="")]
    )
    assert document["owed"]["owed"] == 0
    nights.night(TUESDAY, institutions=[school_row(code="310009", name="New High School")])
    assert nights.seen_by("310009") == [(1, "scored", 57)]


def test_a_voucher_shows_the_score_to_the_school_that_paid(nights):
    nights.night(
        MONDAY,
        institutions=COLLEGES,
        voucher_orders=[order_row(organization_code="310002")],
        results=[result_row(funding="voucher", voucher_order_id="V-0001", recipient_1="")],
    )
    assert nights.seen_by("310002") == [(1, "scored", 57)]


def test_a_transcript_brings_the_history_once_and_later_results_are_not_part_of_it(nights):
    nights.night(
        MONDAY,
        institutions=COLLEGES,
        results=[result_row(recipient_1=""), result_row(result_id="R-2", exam_code="BIOLOG", recipient_1="")],
        transcript_requests=[transcript_row(recipient="4473")],
    )
    assert len(nights.seen_by("4473")) == 2
    document = nights.night(
        TUESDAY, results=[result_row(result_id="R-3", exam_code="CHEMIS", recipient_1="")]
    )
    assert document["owed"]["owed"] == 2
    assert len(nights.seen_by("4473")) == 2


def test_a_night_with_nothing_new_prints_zeros(nights):
    document = nights.night(MONDAY)
    assert document["exit"] == 0
    assert document["received"]["records"] == 0
    assert document["owed"]["owed"] == 0
    assert document["batches"] == []


def test_a_missing_delivery_puts_the_books_out_of_balance_and_nothing_is_sent(nights):
    nights.night(MONDAY, institutions=COLLEGES, results=[result_row()])
    with nights.line.connect(role="distribution_owner") as conn:
        conn.execute("DELETE FROM ledger.disclosure")
        conn.execute("DELETE FROM ledger.delivery")
    write_feed(
        nights.line.settings.inbox,
        FeedKind.RESULTS,
        [result_row(result_id="R-2", exam_code="BIOLOG")],
        day=TUESDAY,
    )
    document = distribute_scores.run_nightly(nights.line, on=TUESDAY)
    assert document["exit"] == 5
    assert document["balanced"] is False
    assert document["faults"]
    assert document["batches"] == []


def test_a_dry_run_counts_and_changes_nothing(nights):
    nights.night(MONDAY, institutions=COLLEGES)
    write_feed(nights.line.settings.inbox, FeedKind.RESULTS, [result_row()], day=TUESDAY)
    document = distribute_scores.run_nightly(nights.line, on=TUESDAY, dry_run=True)
    assert document["arrived"] == ["results-20261124-001.csv"]
    assert nights.deliveries() == []
