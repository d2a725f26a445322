"""A score that is cancelled or withheld is out of every school's sight from the moment that is on file."""

import csv
import io
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from distribution.jobs import distribute_scores, export_school, sending
from distribution.jobs import stage_scores as staging_job
from distribution.jobs.ingest_feeds import ingest_inbox
from tests.journeys.test_corrections_over_nights import COLLEGES, MONDAY, TUESDAY, WEDNESDAY, Nights
from tests.support.feeds import result_row, write_feed

SCHOOL = "310001"
FIRST = result_row(attending_code=SCHOOL, recipient_1="")
CANCELLED = FIRST | {"revision": "2", "status": "cancelled", "scaled_score": ""}
WITHHELD = FIRST | {"revision": "2", "status": "withheld", "scaled_score": ""}
taken_back = pytest.mark.parametrize("second", [CANCELLED, WITHHELD], ids=["cancelled", "withheld"])


@pytest.fixture
def nights(line) -> Nights:
    """The school saw a score of 57 on Monday."""
    nights = Nights(line)
    nights.night(MONDAY, institutions=COLLEGES, results=[FIRST])
    assert nights.seen_by(SCHOOL) == [(1, "scored", 57)]
    return nights


def take_in(nights: Nights, *rows, day=TUESDAY) -> None:
    write_feed(nights.line.settings.inbox, "results", list(rows), day=day)
    ingest_inbox(nights.line)


def exported(nights: Nights) -> list[tuple[str, str, str]]:
    out = io.BytesIO()
    export_school.export_year(nights.line, SCHOOL, year=2026, on=TUESDAY, out=out)
    rows = csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline=""))
    return [(row["scaled_score"], row["recommended_credits"], row["status"]) for row in rows]


@taken_back
def test_it_is_hidden_as_soon_as_the_feed_is_recorded(nights, second):
    take_in(nights, second)
    assert nights.seen_by(SCHOOL) == [(1, "withheld", None)]
    assert exported(nights) == [("", "", "withheld")]


@taken_back
def test_it_stays_hidden_while_all_sending_is_paused(nights, second):
    sending.pause(nights.line, reason="Wrong scores in a feed.", until=None)
    nights.night(TUESDAY, results=[second])
    assert [row[2] for row in nights.seen_by(SCHOOL)] == [None]


@taken_back
def test_it_is_hidden_in_a_night_of_paper_alone(nights, second):
    write_feed(nights.line.settings.inbox, "results", [second], day=TUESDAY)
    distribute_scores.run_nightly(nights.line, on=TUESDAY, only="paper")
    assert [row[2] for row in nights.seen_by(SCHOOL)] == [None]


def test_a_cancellation_and_a_new_score_in_one_feed_hide_the_former_score_until_the_new_one_is_staged(nights):
    again = FIRST | {"revision": "3", "scaled_score": "61"}
    take_in(nights, CANCELLED, again)
    assert nights.seen_by(SCHOOL) == [(1, "withheld", None)]
    staging_job.stage_scores(nights.line, run_id="N20261124-09", on=TUESDAY)
    assert nights.seen_by(SCHOOL) == [(1, "withheld", None)]
    nights.night(WEDNESDAY)
    assert nights.seen_by(SCHOOL) == [(3, "scored", 61)]


def test_a_withheld_score_that_comes_back_changed_does_not_show_the_former_one_first(nights):
    take_in(nights, WITHHELD)
    take_in(nights, FIRST | {"revision": "3", "scaled_score": "61"}, day=WEDNESDAY)
    assert nights.seen_by(SCHOOL) == [(1, "withheld", None)]
    nights.night(WEDNESDAY)
    assert nights.seen_by(SCHOOL) == [(3, "scored", 61)]


def test_what_a_school_is_not_owed_is_as_it_was(nights):
    before = nights.deliveries()
    take_in(nights, CANCELLED)
    assert nights.deliveries() == before
    with nights.line.connect() as conn:
        released = conn.execute("SELECT released_on, revision, shown FROM portal.staged_score").fetchall()
    assert released == [(MONDAY, 1, True)]


def test_a_score_that_is_cancelled_while_it_is_staged_is_never_seen(line, monkeypatch):
    """The feed waits for the staging, or the other way about: neither misses what the other wrote."""
    nights = Nights(line)
    write_feed(line.settings.inbox, "institutions", COLLEGES, day=MONDAY)
    write_feed(line.settings.inbox, "results", [FIRST], day=MONDAY)
    distribute_scores.run_nightly(line, on=MONDAY, only="paper")
    feeds: list[Future] = []
    hide = staging_job.staging.hide_unsettled

    def hide_then_let_a_cancellation_in(conn, **given):
        hidden = hide(conn, **given)
        if not feeds:
            feeds.append(pool.submit(take_in, nights, CANCELLED))
            wait(feeds, timeout=2)
        return hidden

    monkeypatch.setattr(staging_job.staging, "hide_unsettled", hide_then_let_a_cancellation_in)
    with ThreadPoolExecutor(1) as pool:
        assert staging_job.stage_scores(line, run_id="N20261123-09", on=MONDAY).staged == 1
        feeds[0].result(timeout=30)
    assert nights.seen_by(SCHOOL) == [(1, "withheld", None)]
