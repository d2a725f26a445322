"""Results of former years, taken in by `feed ingest --history`: for schools to see, owed to nobody else."""

from datetime import date

import pytest

from distribution.cli import app
from distribution.jobs import distribute_scores
from tests.support.feeds import (
    district_row,
    institution_row,
    order_row,
    result_row,
    school_row,
    transcript_row,
    write_feed,
)

ON = date(2026, 11, 23)
FORMER = date(2025, 3, 4)
SCHOOL, OTHER, COLLEGE = "310001", "310002", "4471"


@pytest.fixture
def line(line, monkeypatch):
    """Two schools, a district, a college on paper and one of the portal, and a former order of a school."""
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    inbox = line.settings.inbox
    write_feed(inbox, "institutions", [
        institution_row(),
        institution_row(code="4473", name="College of the Portal", delivery_method="portal"),
        school_row(district_code="390001"),
        school_row(code=OTHER, name="Other High School"),
        district_row(),
    ])  # fmt: skip
    write_feed(inbox, "voucher_orders", [order_row(organization_code=OTHER, ordered_on="2024-09-02")])
    assert app.main(["feed", "ingest"]) == 0
    return line


def former(number: int, **changes) -> dict[str, str]:
    return result_row(**{
        "result_id": f"H-{number}", "candidate_id": f"C-{number}", "test_date": "2025-02-03",
        "scored_on": "2025-02-04", "attending_code": SCHOOL, **changes,
    })  # fmt: skip


@pytest.fixture
def taken_in(line, tmp_path):
    """One that named college and school, one by voucher, one of DANTES, one for the college of the portal."""
    rows = [
        former(1),
        former(2, attending_code="", funding="voucher", voucher_order_id="V-0001"),
        former(3, funding="dantes", test_date="2024-05-06", scored_on=""),
        former(4, attending_code="", recipient_2="4473"),
    ]
    path = write_feed(tmp_path, "results", rows, day=FORMER)
    assert app.main(["feed", "ingest", str(path), "--history"]) == 0
    return distribute_scores.run_nightly(line, on=ON)


def owed(line) -> list[tuple]:
    with line.connect() as conn:
        return conn.execute(
            "SELECT result_id, recipient, channel, state FROM ledger.delivery ORDER BY result_id, recipient"
        ).fetchall()


def test_schools_see_them_in_the_years_of_their_tests_and_no_institution_is_owed_one(line, taken_in):
    assert owed(line) == [
        ("H-1", SCHOOL, "portal", "delivered"),
        ("H-2", OTHER, "portal", "delivered"),
        ("H-3", SCHOOL, "portal", "delivered"),
    ]
    with line.connect() as conn:
        seen = conn.execute(
            "SELECT school_code, academic_year, result_id, scaled_score FROM portal.score ORDER BY result_id"
        ).fetchall()
    assert seen == [(SCHOOL, 2024, "H-1", 57), (OTHER, 2024, "H-2", 57), (SCHOOL, 2023, "H-3", 57)]


def test_the_night_counts_them_and_balances_and_prints_and_sends_nothing(line, taken_in):
    assert (taken_in["balanced"], taken_in["exit"]) == (True, 0)
    assert taken_in["received"]["new"] == 4
    assert taken_in["deliveries"] == {
        "paper": 0, "electronic": 0, "portal": 3, "held": 0, "failed": 0, "waiting": 0,
    }  # fmt: skip
    assert (taken_in["batches"], taken_in["files"]) == ([], [])


def test_a_correction_of_one_reaches_its_school_and_a_transcript_still_holds_it(line, taken_in):
    inbox = line.settings.inbox
    write_feed(inbox, "results", [former(1, revision=2, scaled_score=61)], day=ON)
    write_feed(inbox, "transcript_requests", [transcript_row(candidate_id="C-3")], day=ON)
    document = distribute_scores.run_nightly(line, on=date(2026, 11, 24))
    assert document["balanced"]
    with line.connect() as conn:
        seen = conn.execute(
            "SELECT revision, scaled_score FROM portal.score WHERE result_id = 'H-1'"
        ).fetchall()
    assert seen == [(2, 61)]
    assert [row[1:3] for row in owed(line) if row[0] == "H-3"] == [(SCHOOL, "portal"), (COLLEGE, "paper")]
