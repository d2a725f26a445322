"""`run`, `score trace`: the night's document in words or JSON, with the exit code of the contract."""

import json
from typing import Any

import pytest

from distribution.cli import app
from distribution.jobs import distribute_scores
from tests.support import nights


@pytest.fixture
def settings_of_line(line, monkeypatch):
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    return line


@pytest.fixture
def night(settings_of_line, conn) -> str:
    run_id = nights.finished_night(conn)
    conn.commit()
    return run_id


@pytest.fixture
def walked(night, monkeypatch) -> dict[str, Any]:
    """Stands for the walk itself: what it was asked for, and the finished night as its outcome."""
    asked: dict[str, Any] = {}

    def run_nightly(line, **given):
        asked.update(given)
        return nights.document(night)

    monkeypatch.setattr(distribute_scores, "run_nightly", run_nightly)
    return asked


def test_a_night_ends_with_the_exit_code_of_its_document(walked, capsys):
    assert app.main(["run", "nightly", "--date", "2026-11-23"]) == 3
    assert walked["on"] == nights.DAY
    assert walked["only"] is None


def test_a_night_prints_both_sides_of_each_sum_and_where_things_lie(walked, settings_of_line, capsys):
    app.main(["run", "nightly"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Run N20261123-01 for Mon 23 Nov 2026: finished; files failed or wait for a retry."
    assert "Received  4 = 3 new + 0 corrected + 0 duplicate + 1 held" in lines
    assert "Sent      1 = 0 electronic + 1 paper + 0 portal" in lines
    assert "Held      1 = 0 before + 1 added - 0 released - 0 rejected" in lines
    assert "Balanced." in lines
    assert "Batches   PB-20261123-A" in lines
    assert lines[-1] == f"Report    {settings_of_line.settings.reports}/2026-11-23/N20261123-01/report.html"


def test_json_is_the_document_and_nothing_else(walked, capsys):
    app.main(["run", "nightly", "--json", "--only", "paper"])
    assert json.loads(capsys.readouterr().out) == nights.document("N20261123-01")
    assert walked["only"] == "paper"


@pytest.mark.parametrize("wrong", [["--date", "tomorrow"], ["--only", "fax"], ["--date", "2026-02-30"]])
def test_a_wrong_date_or_channel_is_exit_2(walked, wrong):
    assert app.main(["run", "nightly", *wrong]) == 2
    assert not walked


def test_a_fault_of_the_balance_is_printed(settings_of_line, conn, capsys):
    run_id = nights.finished_night(conn, exit=5, balanced=False, faults=["Owed: 4 against 3."])
    conn.commit()
    assert app.main(["run", "show", run_id]) == 0
    out = capsys.readouterr().out
    assert "OUT OF BALANCE" in out
    assert "  Owed: 4 against 3." in out


def test_runs_are_listed_with_their_outcome(night, capsys):
    assert app.main(["run", "list", "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["run"], run["date"], run["exit"], run["balanced"]) == (night, "2026-11-23", 3, True)
    assert app.main(["run", "list"]) == 0
    assert night in capsys.readouterr().out


def test_without_a_run_the_list_says_how_to_start_one(settings_of_line, capsys):
    assert app.main(["run", "list"]) == 0
    assert capsys.readouterr().out == "No run yet. Start one with: run nightly\n"


def test_a_run_is_shown_with_its_document_and_steps(night, capsys):
    assert app.main(["run", "show", night, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["received"]["records"] == 4
    assert shown["balanced"] is True
    assert shown["steps"] == [{"name": "Route", "seconds": 1.5, "peak_mb": 300.0}]


def test_a_missing_report_is_written_and_its_path_printed(night, settings_of_line, capsys):
    page = settings_of_line.settings.reports / "2026-11-23" / night / "report.html"
    assert not page.exists()
    assert app.main(["run", "report", night]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    assert page.exists()


def test_an_unknown_run_is_exit_2(settings_of_line, capsys):
    assert app.main(["run", "show", "N19990101-01"]) == 2
    assert "run list" in capsys.readouterr().err


def test_a_trace_follows_a_result_to_file_batch_and_hold_and_is_logged(night, conn, capsys):
    assert app.main(["score", "trace", nights.STUDENT[4]]) == 0
    out = capsys.readouterr().out
    for told in (
        "Revision 1 (new, scored): results-20261122-",
        "N to 4471 because of attending",
        "electronic: failed (host-key), file CLEP_4471_20261123_000001.txt",
        "paper: claimed, batch PB-20261123-A piece 0001",
        "no channel: held (unknown-recipient)",
    ):
        assert told in out, told
    logged = conn.execute("SELECT command, result_ids FROM ledger.access_log").fetchall()
    assert logged == [("score trace", [nights.STUDENT[4]])]


def test_a_trace_shows_neither_name_nor_score(night, capsys):
    app.main(["score", "trace", nights.STUDENT[4], "--json"])
    out = capsys.readouterr().out
    assert not [secret for secret in nights.STUDENT[:4] if secret in out]
    assert "scaled_score" not in out


def test_a_row_that_was_never_recorded_is_traced_to_its_hold(night, capsys):
    assert app.main(["score", "trace", "RES-HELD"]) == 0
    assert "line 118, unknown-exam, column exam_code, open" in capsys.readouterr().out


def test_a_trace_of_an_unknown_result_is_exit_2_and_leaves_no_log(night, conn):
    assert app.main(["score", "trace", "NOBODY"]) == 2
    assert conn.execute("SELECT count(*) FROM ledger.access_log").fetchone() == (0,)


def test_a_night_with_an_empty_inbox_is_walked_to_its_end_and_says_that_nothing_was_new(
    settings_of_line, capsys
):
    assert app.main(["run", "nightly", "--date", "2026-11-23"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Run N20261123-01 for Mon 23 Nov 2026: nothing new, nothing sent.\n")
    page = settings_of_line.settings.reports / "2026-11-23" / "N20261123-01" / "report.html"
    assert "Run of Mon 23 Nov 2026: nothing new" in page.read_text("utf-8")


def test_a_dry_run_counts_and_leaves_no_run(settings_of_line, conn, capsys):
    assert app.main(["run", "nightly", "--dry-run", "--date", "2026-11-23"]) == 0
    assert "Dry run for Mon 23 Nov 2026: nothing was written or sent." in capsys.readouterr().out
    assert conn.execute("SELECT count(*) FROM ledger.run").fetchone() == (0,)
