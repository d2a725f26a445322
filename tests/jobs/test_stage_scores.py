"""A night's staging: what schools see afterwards, and what proves it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg
import pytest

from distribution.channels.portal import staging
from distribution.jobs.stage_scores import stage_scores
from distribution.ledger import connection
from tests.support import records

SCHOOL, OTHER = "123456", "654321"
NIGHT = date(2026, 11, 23)
RUN = "N20261123-01"


@pytest.fixture
def stage(line):
    """Stage what is pending, as a run's step does."""
    return lambda run=RUN: stage_scores(line, run_id=run, on=NIGHT)


@pytest.fixture
def ledger(line):
    """A connection that commits each statement."""
    with line.connect(autocommit=True) as conn:
        yield conn


def seen(line, school):
    """What the portal shows a school: (result, revision, status, score, credits)."""
    with line.connect(role=connection.Role.PORTAL) as conn:
        conn.execute("SELECT set_config('distribution.organizations', %s, true)", [school])
        return conn.execute(
            """
            SELECT result_id, revision, shown_status, scaled_score, recommended_credits
            FROM portal.score ORDER BY result_id, revision
            """
        ).fetchall()


def test_a_pending_delivery_is_staged_with_the_exams_title_and_credits_of_the_test_date(line, ledger, stage):
    version = records.result(ledger, local_student_id="L-9", grade="11", last_name="Null")
    records.owe(ledger, version, SCHOOL, reasons=["voucher", "attending"])
    outcome = stage()
    assert (outcome.staged, outcome.schools) == (1, 1)
    row = ledger.execute(
        """
        SELECT last_name, exam_title, scaled_score, recommended_credits, seen_because, local_student_id,
               grade, released_on, reportable_until, academic_year
        FROM portal.staged_score
        """
    ).fetchone()
    assert row == (
        "Null", "Financial Accounting", 55, 3, "voucher attending", "L-9",
        "11", NIGHT, date(2036, 11, 20), 2026,
    )  # fmt: skip


def test_staged_is_delivered_with_disclosures_and_a_receipt_counted_from_the_table(line, ledger, stage):
    for number in (1, 2, 3):
        version = records.result(ledger, f"R-{number}", candidate_id=f"C{number}")
        records.owe(ledger, version, SCHOOL if number < 3 else OTHER)
    stage()
    states = ledger.execute("SELECT DISTINCT state, left_at, delivered_at FROM ledger.delivery").fetchall()
    assert states == [("delivered", line.now(), line.now())]
    receipts = ledger.execute("SELECT channel, subject, records, run_id FROM ledger.receipt").fetchall()
    assert receipts == [("portal", f"staging:{RUN}", 3, RUN)]
    shown_to = ledger.execute(
        """
        SELECT candidate_id, recipient, channel, basis, artefact
        FROM ledger.disclosure
        ORDER BY candidate_id
        """
    ).fetchall()
    assert shown_to == [
        ("C1", SCHOOL, "portal", "attending", f"staging:{RUN}"),
        ("C2", SCHOOL, "portal", "attending", f"staging:{RUN}"),
        ("C3", OTHER, "portal", "attending", f"staging:{RUN}"),
    ]


def test_a_second_staging_of_the_same_night_changes_nothing(line, ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    stage()
    before = ledger.execute("SELECT * FROM portal.staged_score").fetchall()
    assert stage().staged == 0
    assert ledger.execute("SELECT * FROM portal.staged_score").fetchall() == before
    assert ledger.execute("SELECT count(*) FROM ledger.disclosure").fetchone() == (1,)


def test_a_run_that_finds_more_to_stage_later_gets_a_second_receipt(ledger, stage):
    records.owe(ledger, records.result(ledger, "R-1"), SCHOOL)
    stage()
    records.owe(ledger, records.result(ledger, "R-2"), SCHOOL)
    stage()
    subjects = ledger.execute("SELECT subject, records FROM ledger.receipt ORDER BY receipt_id").fetchall()
    assert subjects == [(f"staging:{RUN}", 1), (f"staging:{RUN}/2", 1)]


def test_deliveries_of_other_channels_and_held_ones_are_left_alone(ledger, stage):
    version = records.result(ledger)
    records.owe(ledger, version, "4471", channel="paper")
    records.owe(ledger, version, SCHOOL, state="held", state_reason="withheld")
    assert stage().staged == 0
    assert ledger.execute("SELECT count(*) FROM portal.staged_score").fetchone() == (0,)


def test_a_crash_before_the_commit_shows_no_school_anything(line, ledger, stage, monkeypatch):
    records.owe(ledger, records.result(ledger), SCHOOL)

    def break_down(conn):
        raise ConnectionError

    monkeypatch.setattr(staging, "hide_unsettled", break_down)
    with pytest.raises(ConnectionError):
        stage()
    assert seen(line, SCHOOL) == []
    assert ledger.execute("SELECT state FROM ledger.delivery").fetchone() == ("pending",)
    monkeypatch.undo()
    assert stage().staged == 1
    assert ledger.execute("SELECT count(*) FROM ledger.receipt").fetchone() == (1,)


def test_a_correction_takes_the_place_of_what_the_school_saw(line, ledger, stage):
    records.owe(ledger, records.result(ledger, scaled_score=48), SCHOOL)
    stage()
    assert seen(line, SCHOOL) == [("R-1", 1, "scored", 48, None)]
    records.owe(ledger, records.result(ledger, revision=2, scaled_score=61), SCHOOL, "C")
    stage()
    assert seen(line, SCHOOL) == [("R-1", 2, "scored", 61, 3)]


def test_a_correction_that_moves_the_test_into_another_year_leaves_no_row_in_the_former(line, ledger, stage):
    records.owe(ledger, records.result(ledger, test_date=date(2026, 7, 1)), SCHOOL)
    stage()
    moved = records.result(ledger, revision=2, test_date=date(2026, 6, 30))
    records.owe(ledger, moved, SCHOOL, "C")
    stage()
    assert [row[:2] for row in seen(line, SCHOOL)] == [("R-1", 2)]


def test_a_cancelled_result_stays_as_a_row_without_its_score(line, ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    stage()
    records.owe(ledger, records.result(ledger, revision=2, status="cancelled"), SCHOOL, "X")
    stage()
    assert seen(line, SCHOOL) == [("R-1", 2, "cancelled", None, None)]


def test_after_a_cancellation_the_portal_role_cannot_read_the_former_score_anywhere(line, ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    stage()
    records.owe(ledger, records.result(ledger, revision=2, status="cancelled"), SCHOOL, "X")
    stage()
    with line.connect(role=connection.Role.PORTAL) as conn:
        conn.execute("SELECT set_config('distribution.organizations', %s, true)", [SCHOOL])
        scores = conn.execute("SELECT scaled_score FROM portal.staged_score").fetchall()
    assert scores == [(None,)]


def test_a_school_that_a_revision_removed_no_longer_sees_the_result_and_another_does(line, ledger, stage):
    records.owe(ledger, records.result(ledger, attending_code=SCHOOL), SCHOOL)
    stage()
    moved = records.result(ledger, revision=2, attending_code=OTHER)
    records.owe(ledger, moved, SCHOOL, "X")
    records.owe(ledger, moved, OTHER, "N")
    assert stage().staged == 2
    assert seen(line, SCHOOL) == []
    assert [row[:2] for row in seen(line, OTHER)] == [("R-1", 2)]
    taken_back = ledger.execute(
        "SELECT scaled_score FROM portal.staged_score WHERE school_code = %s AND action = 'X'", [SCHOOL]
    ).fetchall()
    assert taken_back == [(None,)]


def test_a_score_withheld_after_delivery_is_hidden_until_it_is_settled(line, ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    stage()
    records.result(ledger, revision=2, status="withheld")
    assert stage().hidden == 1
    assert seen(line, SCHOOL) == [("R-1", 1, "withheld", None, None)]
    assert stage().hidden == 0
    records.owe(ledger, records.result(ledger, revision=3, scaled_score=57), SCHOOL, "C")
    stage()
    assert seen(line, SCHOOL) == [("R-1", 3, "scored", 57, 3)]


def test_a_withheld_score_that_is_settled_without_a_new_delivery_is_shown_again(line, ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    stage()
    records.result(ledger, revision=2, status="withheld")
    stage()
    records.result(ledger, revision=3)
    assert stage().shown_again == 1
    assert seen(line, SCHOOL) == [("R-1", 1, "scored", 55, 3)]


def test_a_score_cancelled_on_file_is_hidden_although_the_cancellation_is_held(line, ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    stage()
    cancelled = records.result(ledger, revision=2, status="cancelled")
    records.owe(ledger, cancelled, SCHOOL, "X", state="held", state_reason="volume-anomaly")
    stage()
    assert [row[3] for row in seen(line, SCHOOL)] == [None]


def test_a_transcript_of_a_result_that_is_staged_already_shows_it_once(line, ledger, stage):
    version = records.result(ledger)
    records.owe(ledger, version, "4471")
    records.owe(ledger, version, "4471", occasion="transcript:T-1", reasons=["transcript"])
    assert stage().staged == 2
    assert [row[:2] for row in seen(line, "4471")] == [("R-1", 1)]


def test_two_stagings_at_one_time_stage_everything_once(line, ledger):
    for number in range(50):
        records.owe(ledger, records.result(ledger, f"R-{number}"), SCHOOL)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda run: stage_scores(line, run_id=run, on=NIGHT), ("A", "B")))
    assert sorted(outcome.staged for outcome in outcomes) == [0, 50]
    assert ledger.execute("SELECT count(*) FROM ledger.disclosure").fetchone() == (50,)


def test_the_receipt_changes_with_the_staged_rows(ledger, stage):
    records.owe(ledger, records.result(ledger, "R-1"), SCHOOL)
    stage("A")
    records.owe(ledger, records.result(ledger, "R-2"), SCHOOL)
    stage("B")
    digests = ledger.execute("SELECT DISTINCT sha256, size_bytes > 0 FROM ledger.receipt").fetchall()
    assert len(digests) == 2
    assert all(has_bytes for _, has_bytes in digests)


def test_a_receipt_can_never_be_changed_by_the_pipeline(ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    stage()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ledger.execute("UPDATE ledger.receipt SET records = 7")


def former(ledger, result_id="R-1"):
    return ledger.execute(
        "SELECT former_score FROM portal.score WHERE result_id = %s", [result_id]
    ).fetchone()[0]


def test_a_corrected_score_says_what_the_school_saw_before(ledger, stage):
    records.owe(ledger, records.result(ledger, scaled_score=53), SCHOOL)
    stage()
    records.owe(ledger, records.result(ledger, revision=2, scaled_score=55), SCHOOL, "C")
    stage("N20261124-01")
    assert former(ledger) == 53


def test_two_revisions_staged_in_one_night_say_the_same(ledger, stage):
    records.owe(ledger, records.result(ledger, scaled_score=53), SCHOOL)
    records.owe(ledger, records.result(ledger, revision=2, scaled_score=55), SCHOOL, "C")
    stage()
    assert former(ledger) == 53


def test_a_correction_of_a_name_alone_has_no_former_score(ledger, stage):
    records.owe(ledger, records.result(ledger), SCHOOL)
    records.owe(ledger, records.result(ledger, revision=2, last_name="Nguyen"), SCHOOL, "C")
    stage()
    assert former(ledger) is None


@pytest.mark.parametrize("cancellation_reaches_the_school", [True, False])
def test_after_a_cancellation_the_former_score_is_never_told(ledger, stage, cancellation_reaches_the_school):
    records.owe(ledger, records.result(ledger, scaled_score=53), SCHOOL)
    stage()
    cancelled = records.result(ledger, revision=2, status="cancelled")
    if cancellation_reaches_the_school:
        records.owe(ledger, cancelled, SCHOOL, "X")
        stage("N20261124-01")
        assert former(ledger) is None
    records.owe(ledger, records.result(ledger, revision=3, scaled_score=55), SCHOOL, "C")
    stage("N20261125-01")
    assert former(ledger) is None
