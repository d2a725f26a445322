"""Revisions are kept for ever; every later row is new, corrected, a duplicate or a conflict."""

from datetime import timedelta

import pytest

from distribution.jobs.ingest_feeds import ingest_inbox
from tests.support.feeds import DAY, result_row, write_feed

ANOTHER = {"result_id": "R-2", "test_date": "2026-11-21", "scored_on": ""}


def night(line, *rows):
    """Take in one feed of these rows, dated after all before; its counts."""
    with line.connect() as conn:
        (seen,) = conn.execute("SELECT count(*) FROM ledger.feed").fetchone()
    write_feed(line.settings.inbox, "results", rows, day=DAY + timedelta(seen))
    (feed,) = ingest_inbox(line).feeds
    return feed.new, feed.corrected, feed.duplicate, feed.held


def query(line, text):
    with line.connect() as conn:
        return conn.execute(text).fetchall()


def holds(line):
    return query(line, "SELECT reason, column_name, line, state FROM ledger.hold ORDER BY hold_id")


def test_the_first_revision_known_is_new_and_each_later_one_corrected(line):
    assert night(line, result_row(revision=3)) == (1, 0, 0, 0)
    assert night(line, result_row(revision=4, scaled_score=60)) == (0, 1, 0, 0)
    assert night(line, result_row(revision=9, status="cancelled", scaled_score="")) == (0, 1, 0, 0)

    versions = query(line, "SELECT revision, kind, latest FROM ledger.result_version ORDER BY revision")
    assert versions == [(3, "new", False), (4, "corrected", False), (9, "corrected", True)]


def test_the_same_revision_is_a_duplicate_or_a_conflict(line):
    night(line, result_row(revision=2))

    assert night(line, result_row(revision=2), result_row(revision=2, scored_on="")) == (0, 0, 1, 1)
    assert night(line, result_row(revision=1)) == (0, 0, 0, 1)
    assert holds(line) == [
        ("revision-conflict", "revision", 3, "open"),
        ("revision-conflict", "revision", 2, "open"),
    ]


def test_content_is_the_same_after_nfc_and_trimming(line):
    night(line, result_row(last_name="Nguyễn"))
    decomposed = "Nguye\u0302\u0303n"

    assert night(line, result_row(last_name=f" {decomposed}\u00a0")) == (0, 0, 1, 0)


def test_rows_of_one_result_in_one_feed_are_taken_in_order_of_revision(line):
    rows = [
        result_row(revision=3, scaled_score=70),
        result_row(revision=1),
        result_row(revision=1),
        result_row(revision=3, scaled_score=71),
        result_row(revision=2),
    ]

    assert night(line, *rows) == (1, 2, 1, 1)
    assert query(line, "SELECT line, kind, latest FROM ledger.result_version ORDER BY revision") == [
        (3, "new", False),
        (6, "corrected", False),
        (2, "corrected", True),
    ]
    assert holds(line) == [("revision-conflict", "revision", 5, "open")]


@pytest.mark.parametrize("changes", [{"candidate_id": "C-9"}, {"exam_code": "BUSLAW"}])
def test_a_higher_revision_may_not_name_another_candidate_or_exam(line, changes):
    other = result_row(result_id="R-8", candidate_id="C-8")
    rows = [other, result_row(**{"result_id": "R-8", "candidate_id": "C-8", "revision": 2, **changes})]
    night(line, result_row())

    assert night(line, result_row(revision=2, **changes), *rows) == (1, 0, 0, 2)
    assert [(reason, column) for reason, column, _, _ in holds(line)] == [
        ("revision-conflict", next(iter(changes)))
    ] * 2


def test_a_higher_revision_may_change_all_else_even_the_academic_year(line):
    night(line, result_row())
    changed = result_row(
        revision=2, last_name="Łukasz", test_date="2025-06-30", scored_on="", recipient_1="", gender=""
    )

    assert night(line, changed) == (0, 1, 0, 0)
    assert query(line, "SELECT academic_year, latest FROM ledger.result_version ORDER BY revision") == [
        (2026, False),
        (2024, True),
    ]
    assert night(line, changed, result_row()) == (0, 0, 2, 0)


def test_a_mended_row_closes_its_hold_and_counts_as_new(line):
    assert night(line, result_row(scaled_score=81)) == (0, 0, 0, 1)
    assert night(line, result_row()) == (1, 0, 0, 0)

    assert [state for *_, state in holds(line)] == ["corrected"]


def test_a_mended_row_counts_as_corrected_where_an_earlier_revision_is_known(line):
    night(line, result_row())
    night(line, result_row(revision=2, exam_code="ZZZZ"))

    assert night(line, result_row(revision=2, scaled_score=33)) == (0, 1, 0, 0)
    assert [state for *_, state in holds(line)] == ["corrected"]


def test_a_row_mended_further_down_in_its_feed_closes_the_hold(line):
    assert night(line, result_row(scaled_score=81), result_row()) == (1, 0, 0, 1)
    assert [state for *_, state in holds(line)] == ["corrected"]


def test_a_held_row_that_comes_again_is_a_duplicate(line):
    bad = result_row(scaled_score=81)

    assert night(line, bad, bad) == (0, 0, 1, 1)
    assert night(line, bad, result_row(scaled_score=82)) == (0, 0, 1, 1)


def test_columns_of_the_senders_own_are_kept_and_not_compared(line):
    night(line, result_row(x_note="=1+1 ä"))

    assert night(line, result_row(x_note="other")) == (0, 0, 1, 0)
    assert query(line, "SELECT extra FROM ledger.result_version") == [({"x_note": "=1+1 ä"},)]


def test_a_retake_within_three_months_is_held_and_one_of_three_months_is_not(line):
    night(line, result_row(test_date="2026-02-28", scored_on=""))
    soon = result_row(result_id="R-2", test_date="2026-05-27", scored_on="")
    in_time = result_row(result_id="R-3", test_date="2026-05-28", scored_on="")

    assert night(line, soon, in_time) == (1, 0, 0, 1)
    assert holds(line) == [("retake-too-soon", "test_date", 2, "open")]


def test_the_earlier_test_that_arrives_last_is_the_one_held(line):
    night(line, result_row())

    assert night(line, result_row(result_id="R-2", test_date="2026-10-01")) == (0, 0, 0, 1)


@pytest.mark.parametrize("tested", ["2026-11-20", "2026-11-19", "2026-10-01"])
def test_of_two_tests_in_one_feed_the_later_line_is_held(line, tested):
    assert night(line, result_row(), result_row(result_id="R-2", test_date=tested)) == (1, 0, 0, 1)
    assert holds(line) == [("retake-too-soon", "test_date", 3, "open")]


def test_other_exams_other_candidates_and_unscored_tests_are_no_retakes(line):
    cancelled = {"status": "cancelled", "scaled_score": ""}
    night(line, result_row(result_id="R-9", **cancelled))
    rows = [
        result_row(),
        result_row(result_id="R-2", exam_code="BUSLAW"),
        result_row(result_id="R-3", candidate_id="C-3"),
        result_row(result_id="R-4", **cancelled),
    ]

    assert night(line, *rows) == (4, 0, 0, 0)


def test_a_test_whose_predecessor_is_cancelled_in_the_same_feed_is_recorded(line):
    night(line, result_row())
    gone = result_row(revision=2, status="cancelled", scaled_score="")

    assert night(line, result_row(**ANOTHER), gone) == (1, 1, 0, 0)


def test_a_held_retake_does_not_hold_the_next_one(line):
    rows = [
        result_row(test_date="2026-05-01", scored_on=""),
        result_row(result_id="R-2", test_date="2026-07-01", scored_on=""),
        result_row(result_id="R-3", test_date="2026-08-15", scored_on=""),
    ]

    assert night(line, *rows) == (2, 0, 0, 1)


def test_results_of_long_ago_are_recorded_in_their_year(line):
    old = {"test_date": "1996-03-01", "birth_date": "1978-01-01", "scored_on": ""}
    exam = night(
        line, result_row(**old), result_row(result_id="R-2", candidate_id="C-2", exam_code="BUSLAW", **old)
    )

    assert exam == (2, 0, 0, 0)
    assert query(line, "SELECT DISTINCT academic_year FROM ledger.result_version") == [(1995,)]
