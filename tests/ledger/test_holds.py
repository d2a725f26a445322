"""A person releases retakes and rejects what shall never be recorded; everything else says what frees it."""

import pytest

from distribution.errors import UsageError
from distribution.jobs import settle_holds
from distribution.jobs.ingest_feeds import ingest_inbox
from tests.support.feeds import result_row, write_feed

RETAKE = {"result_id": "R-2", "test_date": "2026-10-01"}


@pytest.fixture
def held(line):
    """Two rows that wait: a retake (line 3) and a score out of range (line 4)."""
    rows = [
        result_row(),
        result_row(**RETAKE),
        result_row(result_id="R-3", candidate_id="C-3", scaled_score=99),
    ]
    write_feed(line.settings.inbox, "results", rows)
    ingest_inbox(line)
    return {hold.line: hold for hold in settle_holds.list_holds(line)}


def query(line, text):
    with line.connect() as conn:
        return conn.execute(text).fetchall()


def test_the_list_says_where_a_row_stands_and_what_to_do_but_nothing_of_the_student(held):
    assert (held[3].reason, held[3].column, held[3].state) == ("retake-too-soon", "test_date", "open")
    assert held[4].feed_file == "results-20261122-001.csv"
    assert "hold release" in held[3].what_to_do
    assert "Nguyễn" not in repr(held)


def test_a_released_retake_is_recorded_with_its_feed_and_line(line, held):
    settled = settle_holds.release(line, held[3].id, reason="The centre asked for it")

    assert settled.state == "released"
    recorded = query(
        line, "SELECT result_id, kind, latest, line, feed_id FROM ledger.result_version ORDER BY line"
    )
    assert recorded == [("R-0001", "new", True, 2, 1), ("R-2", "new", True, 3, 1)]
    assert query(line, "SELECT new, held FROM ledger.feed") == [(1, 2)]
    assert query(line, "SELECT result_ids FROM ledger.access_log") == [(["R-2"],)]


def test_a_released_retake_may_be_sent_again_and_corrected(line, held):
    settle_holds.release(line, held[3].id, reason="Known")
    rows = [result_row(**RETAKE), result_row(**RETAKE, revision=2, first_name="Anne")]
    write_feed(line.settings.inbox, "results", rows, number=2)

    (feed,) = ingest_inbox(line).feeds

    assert (feed.new, feed.corrected, feed.duplicate, feed.held) == (0, 1, 1, 0)


def test_a_retake_whose_later_revision_is_recorded_is_settled_by_it(line, held):
    cancelled = result_row(**RETAKE, revision=2, status="cancelled", scaled_score="")
    write_feed(line.settings.inbox, "results", [cancelled], number=2)

    assert ingest_inbox(line).feeds[0].new == 1
    with pytest.raises(UsageError, match="corrected already"):
        settle_holds.release(line, held[3].id, reason="x")


def test_what_a_person_may_not_release_says_what_frees_it(line, held):
    with pytest.raises(UsageError, match="not freed by a release"):
        settle_holds.release(line, held[4].id, reason="x")
    with pytest.raises(UsageError, match="no hold"):
        settle_holds.release(line, 999, reason="x")

    assert [hold.state for hold in settle_holds.list_holds(line)] == ["open", "open"]


def test_a_rejected_row_is_never_recorded(line, held):
    assert settle_holds.reject(line, held[4].id, reason="Test entry").state == "rejected"

    assert query(line, "SELECT count(*) FROM ledger.result_version") == [(1,)]
    assert query(line, "SELECT command, result_ids FROM ledger.access_log") == [
        (f"hold reject {held[4].id}", ["R-3"])
    ]
    with pytest.raises(UsageError, match="rejected already"):
        settle_holds.reject(line, held[4].id, reason="x")
