"""A run's report is written from the ledger: whole, the same each time, and without a student's record."""

import json
from pathlib import Path

import pytest

from distribution.errors import UsageError
from distribution.jobs import write_report
from tests.support import nights, records


@pytest.fixture
def page(line, conn) -> Path:
    run_id = nights.finished_night(conn)
    conn.commit()
    return write_report.write_report(line, run_id)


def test_the_report_lies_below_its_day_and_run_with_the_facts_beside_it(line, page):
    assert page == line.settings.reports / "2026-11-23" / "N20261123-01" / "report.html"
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "run.json"]


def test_the_report_tells_what_stands_in_the_ledger(page):
    text = page.read_text("utf-8")
    for told in (
        "Run of Mon 23 Nov 2026: finished, 2 scores not delivered yet",
        "4471 Northfield State University",
        "CLEP_4471_20261123_000001.txt",
        "behind-another-file",
        "PB-20261123-A",
        "1 score held: unknown-recipient",
        "118",
        "exam_code",
        "1 result names a school that is not on file",
        "22:00:00 to 22:00:00 EST",
    ):
        assert told in text, told


def test_a_gap_in_the_numbers_of_a_day_is_told(page):
    (gap,) = json.loads(page.with_name("run.json").read_text("utf-8"))["feed_gaps"]
    assert (gap["feed"], gap["day"], gap["missing"]) == ("results", "2026-11-22", [1, 2])


def test_no_name_date_of_birth_id_or_score_of_a_student_is_in_either_file(page):
    for path in page.parent.iterdir():
        text = path.read_text("utf-8")
        for secret in (*nights.STUDENT, "RES-HELD", "0Q7", ">79<", ": 79"):
            assert secret not in text, (path.name, secret)


def test_the_same_ledger_gives_the_same_bytes(line, page):
    before = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    page.unlink()
    write_report.write_report(line, "N20261123-01")
    assert {path.name: path.read_bytes() for path in page.parent.iterdir()} == before


def test_a_report_written_again_after_a_later_run_says_so(line, conn, page):
    records.run(conn, "N20261123-02")
    conn.commit()
    write_report.write_report(line, "N20261123-01")
    assert "Written again after run <code>N20261123-02</code>" in page.read_text("utf-8")


def test_feeds_of_a_later_run_stay_out_of_an_earlier_report(line, conn, page):
    records.feed(conn)
    conn.commit()
    before = json.loads(page.with_name("run.json").read_text("utf-8"))["feeds"]
    write_report.write_report(line, "N20261123-01")
    assert json.loads(page.with_name("run.json").read_text("utf-8"))["feeds"] == before


def test_a_run_that_has_not_finished_says_so(line, conn):
    run_id = nights.running_night(conn)
    conn.commit()
    page = write_report.write_report(line, run_id)
    assert "Run of Mon 23 Nov 2026: not finished yet" in page.read_text("utf-8")


def test_an_unknown_run_is_told_how_to_find_one(line):
    with pytest.raises(UsageError, match="run list"):
        write_report.write_report(line, "N19990101-01")
